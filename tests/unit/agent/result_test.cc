// The issuer's verdict on this device, fetched for others.
#include <gtest/gtest.h>

#include "fake_issuer.h"
#include "jose/jws.h"
#include "support/soft_key.h"

namespace mintmark::agent {
namespace {

const std::string result_url = "https://issuer.example/devices/device-1/result";
const std::string begin_url = "https://issuer.example/attest/tpm2/begin";

class ResultOfTheAgent : public testing::Test {
 protected:
  ResultOfTheAgent() { bench_.enroll(); }

  static http::Response answer(const std::string& type, const std::string& typ) {
    http::Response response;
    response.headers.set("Content-Type", type);
    response.body = test::SoftKey().sign_jws({{"alg", "ES256"}, {"typ", typ}}, {{"sub", "d"}});
    return response;
  }
  void give(const std::string& url = result_url) {
    bench_.issuer.instead[url].push_back(
        answer("application/eat+jwt; eat_profile=\"tag\"", "eat+jwt"));
  }
  Result<std::string> ask(const std::string& nonce = "") { return bench_.agent().result(nonce); }

  Bench bench_;
};

TEST_F(ResultOfTheAgent, IsAskedForWithTheClientAttestationAndAProofForItsUrl) {
  give();
  const auto result = ask();
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(jose::UnverifiedJws::parse(*result)->typ(), "eat+jwt");
  const SeenRequest request = bench_.issuer.seen_at(result_url).at(0);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(*request.headers.find("OAuth-Client-Attestation"), "the.client.attestation");
  const ReadProof proof = read_proof(*request.headers.find("DPoP"));
  EXPECT_EQ(proof.claims["htm"], "GET");
  EXPECT_EQ(proof.claims["htu"], result_url);
}

TEST_F(ResultOfTheAgent, HasTheNonceInItsQueryAndNotInItsProof) {
  give(result_url + "?nonce=a%2Fb%2Bcdef");
  ASSERT_TRUE(ask("a/b+cdef"));
  const SeenRequest request = bench_.issuer.seen_at(result_url + "?nonce=a%2Fb%2Bcdef").at(0);
  const ReadProof proof = read_proof(*request.headers.find("DPoP"));
  EXPECT_EQ(proof.claims["htu"], result_url);
  EXPECT_FALSE(proof.claims.contains("nonce"));
}

TEST_F(ResultOfTheAgent, IsAskedForAgainWithTheNonceThatTheIssuerWants) {
  bench_.issuer.refuse_next(result_url, Code::attestation_challenge_required, "challenge-1");
  give();
  ASSERT_TRUE(ask());
  const auto requests = bench_.issuer.seen_at(result_url);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(read_proof(*requests[1].headers.find("DPoP")).claims["nonce"], "challenge-1");
  EXPECT_EQ(bench_.state().nonce("https://issuer.example"), "challenge-1");
}

TEST_F(ResultOfTheAgent, AttestsAfreshOnceWhereTheIssuerAsksForIt) {
  bench_.issuer.refuse_next(result_url, Code::evidence_stale);
  give();
  EXPECT_TRUE(ask());
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), 2U);
  bench_.issuer.refuse_next(result_url, Code::evidence_stale);
  bench_.issuer.refuse_next(result_url, Code::evidence_stale);
  EXPECT_EQ(ask().error().code, Code::evidence_stale);
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), 3U);
}

TEST_F(ResultOfTheAgent, IsNotTriedAgainWhereItIsRefusedForGood) {
  for (const Code code : {Code::device_revoked, Code::http_path_unknown, Code::device_not_found}) {
    bench_.issuer.refuse_next(result_url, code);
    EXPECT_EQ(ask().error().code, code);
  }
  EXPECT_EQ(bench_.issuer.seen_at(result_url).size(), 3U);
}

TEST_F(ResultOfTheAgent, IsNothingElseThanAnEat) {
  for (const auto& [type, typ] : std::vector<std::pair<std::string, std::string>>{
           {"application/json", "eat+jwt"}, {"application/eat+jwt", "at+jwt"}, {"", "eat+jwt"}}) {
    bench_.issuer.instead[result_url].push_back(answer(type, typ));
    EXPECT_EQ(ask().error().code, Code::issuer_answer_invalid) << type << typ;
  }
  http::Response text = answer("application/eat+jwt", "eat+jwt");
  text.body = "no token\x1b[2J";
  bench_.issuer.instead[result_url].push_back(text);
  EXPECT_EQ(ask().error().code, Code::issuer_answer_invalid);
}

TEST(ResultOfAFileKey, IsNotAskedFor) {
  Bench bench;
  ASSERT_TRUE(bench.enroll_by_code());
  const auto result = bench.agent().result("");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::result_unavailable);
  EXPECT_TRUE(bench.issuer.seen_at(result_url).empty());
}

TEST(ResultOfNobody, IsRefused) {
  Bench bench;
  EXPECT_EQ(bench.agent().result("").error().code, Code::agent_not_enrolled);
}

}  // namespace
}  // namespace mintmark::agent
