// Devices whose key is a file: enrolled by a one-time code, recognised by what the key signs.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fake_issuer.h"
#include "jose/jws.h"

namespace mintmark::agent {
namespace {

const std::string begin_url = "https://issuer.example/attest/key/begin";
const std::string finish_url = "https://issuer.example/attest/key/finish";
const std::string token_url = "https://issuer.example/token";
const std::string service = "https://service.example/things";

class KeyDevice : public testing::Test {
 protected:
  Identity enroll() {
    auto enrolment = bench_.enroll_by_code();
    EXPECT_TRUE(enrolment) << enrolment.error().to_string();
    return std::get<Identity>(enrolment.value());
  }
  void expect_refused(Code code) {
    const auto enrolment = bench_.enroll_by_code();
    ASSERT_FALSE(enrolment);
    EXPECT_EQ(enrolment.error().code, code) << enrolment.error().to_string();
    EXPECT_EQ(bench_.state().identity().error().code, Code::agent_not_enrolled);
  }
  Result<std::string> fetch() { return bench_.agent().token({"https://service.example", "read"}); }

  Bench bench_;
};

std::string field(const SeenRequest& request, const std::string& name) {
  const auto form = http::parse_form(request.body);
  for (const auto& [key, value] : form.value()) {
    if (key == name) return value;
  }
  return "";
}

TEST_F(KeyDevice, EnrolsByPossessionOfItsKeyAndACode) {
  const Identity identity = enroll();
  EXPECT_EQ(identity.client_id, "device-1");
  EXPECT_FALSE(identity.attestation);
  EXPECT_TRUE(std::holds_alternative<FileKey>(identity.key));
  EXPECT_EQ(bench_.tpm.opened, 0);

  const Json begun = Json::parse(bench_.issuer.seen_at(begin_url).at(0).body);
  const SeenRequest finish = bench_.issuer.seen_at(finish_url).at(0);
  const Json finished = Json::parse(finish.body);
  EXPECT_EQ(jose::PublicKey::from_jwk(begun["jwk"])->thumbprint(), identity.jkt);
  EXPECT_EQ(finished["jwk"], begun["jwk"]);
  EXPECT_EQ(finished["ticket"], "the-ticket");
  EXPECT_EQ(finished["code"], "one-time-code");
  const ReadProof proof = read_proof(*finish.headers.find("DPoP"));
  EXPECT_EQ(proof.jkt, identity.jkt);
  EXPECT_EQ(proof.claims["htm"], "POST");
  EXPECT_EQ(proof.claims["htu"], finish_url);
  EXPECT_EQ(proof.claims["nonce"], "the-ticket");
}

TEST_F(KeyDevice, KeepsItsKeyWhenItEnrolsAgain) {
  bench_.issuer.refuse_next(finish_url, Code::invite_invalid);
  expect_refused(Code::invite_invalid);
  const Identity first = enroll();
  EXPECT_EQ(enroll().jkt, first.jkt);
  EXPECT_EQ(Json::parse(bench_.issuer.seen_at(begin_url).at(0).body)["jwk"],
            Json::parse(bench_.issuer.seen_at(begin_url).at(2).body)["jwk"]);
}

TEST_F(KeyDevice, DoesNotSpendItsCodeOnARefusalTwice) {
  for (const Code code : {Code::invite_invalid, Code::invite_used, Code::invite_expired,
                          Code::key_not_possessed, Code::enrolment_revoked}) {
    const std::size_t before = bench_.issuer.seen_at(finish_url).size();
    bench_.issuer.refuse_next(finish_url, code);
    expect_refused(code);
    EXPECT_EQ(bench_.issuer.seen_at(finish_url).size(), before + 1);
  }
}

TEST_F(KeyDevice, BeginsOnceAnewWhenTheTicketRanOut) {
  bench_.issuer.refuse_next(finish_url, Code::ticket_expired);
  enroll();
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), 2U);
}

TEST_F(KeyDevice, RefusesAnswersThatAreNotWhole) {
  bench_.issuer.instead[begin_url].push_back(http::json_response(200, "{}"));
  expect_refused(Code::issuer_answer_invalid);
  bench_.issuer.instead[finish_url].push_back(http::json_response(200, R"({"client_id":""})"));
  expect_refused(Code::issuer_answer_invalid);
}

TEST_F(KeyDevice, WithAnExposedKeyDoesNotEnrol) {
  enroll();
  ASSERT_EQ(chmod(bench_.state().key_file().c_str(), 0644), 0);
  const auto enrolment = bench_.enroll_by_code();
  ASSERT_FALSE(enrolment);
  EXPECT_EQ(enrolment.error().code, Code::agent_key_file);
}

TEST_F(KeyDevice, GetsTokensByAnAssertionAndAProofOfOneKey) {
  const Identity identity = enroll();
  const auto token = fetch();
  ASSERT_TRUE(token) << token.error().to_string();
  const SeenRequest request = bench_.issuer.seen_at(token_url).at(0);
  EXPECT_EQ(request.headers.find("OAuth-Client-Attestation"), nullptr);
  EXPECT_EQ(field(request, "client_assertion_type"),
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  EXPECT_EQ(field(request, "scope"), "read");
  const ReadProof proof = read_proof(*request.headers.find("DPoP"));
  EXPECT_EQ(proof.jkt, identity.jkt);

  auto assertion = jose::UnverifiedJws::parse(field(request, "client_assertion"));
  ASSERT_TRUE(assertion) << assertion.error().to_string();
  EXPECT_EQ(assertion->typ(), "client-authentication+jwt");
  const auto verified =
      std::move(*assertion).verify(jose::PublicKey::from_jwk(proof.header["jwk"]).value());
  ASSERT_TRUE(verified) << verified.error().to_string();
  const Json& claims = verified->claims();
  EXPECT_EQ(claims["iss"], "device-1");
  EXPECT_EQ(claims["sub"], "device-1");
  EXPECT_EQ(claims["aud"], "https://issuer.example");
  EXPECT_EQ(claims["iat"], to_unix(bench_.clock.now()));
  EXPECT_EQ(claims["exp"], to_unix(bench_.clock.now()) + 60);
  EXPECT_GE(claims["jti"].get<std::string>().size(), 22U);
}

TEST_F(KeyDevice, MakesANewAssertionForEachRequest) {
  enroll();
  bench_.issuer.refuse_next(token_url, Code::proof_iat_old);
  ASSERT_TRUE(fetch());
  const auto requests = bench_.issuer.seen_at(token_url);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_NE(field(requests[0], "client_assertion"), field(requests[1], "client_assertion"));
}

TEST_F(KeyDevice, NeverEnrolsAgainByItself) {
  enroll();
  bench_.clock.advance(std::chrono::hours{24 * 365});
  ASSERT_TRUE(fetch());
  bench_.clock.advance(std::chrono::hours{1});
  for (const Code code : {Code::evidence_stale, Code::device_unknown, Code::device_key_superseded,
                          Code::attestation_expired}) {
    bench_.issuer.refuse_next(token_url, code);
    const auto token = fetch();
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, code);
  }
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), 1U);
}

TEST_F(KeyDevice, WithAnExposedOrLostKeyGetsNoToken) {
  enroll();
  ASSERT_EQ(chmod(bench_.state().key_file().c_str(), 0640), 0);
  EXPECT_EQ(fetch().error().code, Code::agent_key_file);
  std::filesystem::remove(bench_.state().key_file());
  EXPECT_EQ(fetch().error().code, Code::agent_key_file);
  EXPECT_TRUE(bench_.issuer.seen_at(token_url).empty());
}

TEST_F(KeyDevice, WithAnotherKeyThanTheEnrolledOneGetsNoToken) {
  enroll();
  Bench other;
  ASSERT_TRUE(other.enroll_by_code());
  std::filesystem::copy_file(other.state().key_file(), bench_.state().key_file(),
                             std::filesystem::copy_options::overwrite_existing);
  const auto token = fetch();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::agent_key_file);
  EXPECT_NE(token.error().detail.find("not the one that was enrolled"), std::string::npos);
}

TEST_F(KeyDevice, ProvesAndCallsLikeAnyOther) {
  const Identity identity = enroll();
  const auto proof = bench_.agent().proof({"GET", service, "a.b.c"});
  ASSERT_TRUE(proof) << proof.error().to_string();
  EXPECT_EQ(read_proof(*proof).jkt, identity.jkt);
  EXPECT_FALSE(read_proof(*proof).claims.contains("nonce"));
  EXPECT_EQ(bench_.agent().proof({"POST", token_url, "a.b.c"}).error().code,
            Code::agent_proof_for_issuer);

  const auto response = bench_.agent().call({.token = {"https://service.example", ""},
                                             .method = "GET",
                                             .url = service,
                                             .headers = {},
                                             .body = "",
                                             .ca_file = ""});
  ASSERT_TRUE(response) << response.error().to_string();
  const SeenRequest request = bench_.issuer.seen_at(service).at(0);
  EXPECT_EQ(read_proof(*request.headers.find("DPoP")).jkt, identity.jkt);
  EXPECT_EQ(bench_.tpm.opened, 0);
}

TEST_F(KeyDevice, SaysThatItsKeyIsUnprotected) {
  const Identity identity = enroll();
  const auto status = bench_.agent().status();
  ASSERT_TRUE(status) << status.error().to_string();
  EXPECT_EQ((*status)["key"]["kind"], "file");
  EXPECT_EQ((*status)["key"]["protection"], "none");
  EXPECT_EQ((*status)["key"]["file"], bench_.state().key_file().string());
  EXPECT_EQ((*status)["key"]["jkt"], identity.jkt);
  EXPECT_FALSE(status->contains("attestation"));
  EXPECT_FALSE(status->contains("ek"));

  Bench tpm;
  tpm.enroll();
  EXPECT_EQ((*tpm.agent().status())["key"]["protection"], "hardware");
}

}  // namespace
}  // namespace mintmark::agent
