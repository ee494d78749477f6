#include "agent/proof.h"

#include <gtest/gtest.h>

#include "fake_issuer.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

const std::string issuer = "https://issuer.example:8443/tenant";

Code refusal_of(const std::string& method, const std::string& url,
                const std::string& token = "a.b.c") {
  const auto provable = check_provable({method, url, token}, issuer);
  EXPECT_FALSE(provable) << url;
  return provable ? Code::internal : provable.error().code;
}

TEST(Proof, OfACallNamesMethodUrlTokenAndTime) {
  Bench bench;
  const Identity identity = bench.enroll();
  const auto proof =
      bench.agent().proof({"PATCH", "https://Service.example:443/a/b?c=d#e", "a.b.c"});
  ASSERT_FALSE(proof);  // A fragment is no part of a call.
  const auto good = bench.agent().proof({"PATCH", "https://Service.example:443/a/b?c=d", "a.b.c"});
  ASSERT_TRUE(good) << good.error().to_string();
  const ReadProof read = read_proof(*good);
  EXPECT_EQ(read.header["typ"], "dpop+jwt");
  EXPECT_EQ(read.header["alg"], "ES256");
  EXPECT_EQ(read.header.size(), 3U);
  EXPECT_EQ(read.jkt, identity.jkt);
  EXPECT_EQ(read.claims["htm"], "PATCH");
  EXPECT_EQ(read.claims["htu"], "https://service.example/a/b");
  EXPECT_EQ(read.claims["ath"], jose::base64url(sha256("a.b.c")));
  EXPECT_EQ(read.claims["iat"], to_unix(bench.clock.now()));
  EXPECT_GE(read.claims["jti"].get<std::string>().size(), 22U);
}

TEST(Proof, IsAnotherOneEachTime) {
  Bench bench;
  bench.enroll();
  Agent agent = bench.agent();
  const ProofContent content{"GET", "https://service.example/", "a.b.c"};
  EXPECT_NE(read_proof(*agent.proof(content)).claims["jti"],
            read_proof(*agent.proof(content)).claims["jti"]);
}

TEST(Proof, ForTheIssuersOriginIsRefusedHoweverItIsSpelt) {
  for (const char* url : {"https://issuer.example:8443/token", "https://issuer.example:8443",
                          "HTTPS://ISSUER.example:8443/x?y", "https://issuer.example.:8443/token",
                          "https://issuer.example:8443//token"}) {
    EXPECT_EQ(refusal_of("POST", url), Code::agent_proof_for_issuer) << url;
  }
}

TEST(Proof, ForAnotherPortOfTheIssuersHostIsMade) {
  EXPECT_TRUE(check_provable({"GET", "https://issuer.example/", "a.b.c"}, issuer));
}

TEST(Proof, ForAnIssuerOnThisMachineIsRefusedUnderTheOtherSchemeToo) {
  const auto provable =
      check_provable({"POST", "http://localhost:8443/token", "a.b.c"}, "https://localhost:8443");
  ASSERT_FALSE(provable);
  EXPECT_EQ(provable.error().code, Code::agent_proof_for_issuer);
}

TEST(Proof, WithoutATokenIsRefused) {
  EXPECT_EQ(refusal_of("GET", "https://service.example/", ""), Code::agent_proof_without_token);
}

TEST(Proof, WithATokenThatIsNoneIsRefused) {
  EXPECT_EQ(refusal_of("GET", "https://service.example/", "a b"),
            Code::agent_proof_request_malformed);
  EXPECT_EQ(refusal_of("GET", "https://service.example/", "a\nb"),
            Code::agent_proof_request_malformed);
}

TEST(Proof, ForAMethodThatIsNoneIsRefused) {
  for (const char* method :
       {"", "GET POST", "GE\nT", "a-method-that-is-longer-than-any-method-is"}) {
    EXPECT_EQ(refusal_of(method, "https://service.example/"), Code::agent_proof_request_malformed)
        << method;
  }
}

TEST(Proof, ForAUrlThatIsNoneIsRefused) {
  for (const char* url :
       {"", "/path", "ftp://service.example/", "https://user@service.example/", "https://"}) {
    EXPECT_EQ(refusal_of("GET", url), Code::agent_proof_request_malformed) << url;
  }
}

TEST(Proof, ForPlainHttpElsewhereIsRefused) {
  EXPECT_EQ(refusal_of("GET", "http://service.example/"), Code::agent_proof_request_malformed);
  EXPECT_TRUE(check_provable({"GET", "http://127.0.0.1:9000/", "a.b.c"}, issuer));
}

TEST(Proof, WithANonceThatNoServiceGivesIsRefused) {
  const auto made_with = [](const std::string& nonce) {
    return check_provable({"GET", "https://service.example/", "a.b.c", nonce}, issuer);
  };
  EXPECT_TRUE(made_with("eyJ7S_zG.eyJH0-Z.HX4w-7v"));
  EXPECT_TRUE(made_with(std::string(512, 'n')));
  for (const std::string& nonce :
       {std::string("a b"), std::string("a\"b"), std::string("a\\b"), std::string("a\nb"),
        std::string("\x80"), std::string(513, 'n')}) {
    const auto refused = made_with(nonce);
    ASSERT_FALSE(refused) << nonce;
    EXPECT_EQ(refused.error().code, Code::agent_proof_request_malformed);
  }
}

TEST(Proof, OfARefusedCallDoesNotTouchTheTpm) {
  Bench bench;
  bench.enroll();
  const int before = bench.tpm.opened;
  EXPECT_FALSE(bench.agent().proof({"POST", bench.issuer.issuer + "/token", "a.b.c"}));
  EXPECT_FALSE(bench.agent().proof({"POST", "https://service.example/", ""}));
  EXPECT_EQ(bench.tpm.opened, before);
}

TEST(Proof, WithoutAnEnrolmentIsRefused) {
  Bench bench;
  const auto proof = bench.agent().proof({"GET", "https://service.example/", "a.b.c"});
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::agent_not_enrolled);
}

}  // namespace
}  // namespace mintmark::agent
