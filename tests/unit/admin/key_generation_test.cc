#include "admin/key_generation.h"

#include <gtest/gtest.h>

#include "support/fake_key_store.h"

namespace mintmark::admin {
namespace {

class KeyGeneration : public ::testing::Test {
 protected:
  http::Response ask(const std::string& body) {
    http::Request request;
    request.method = "POST";
    request.path = "/admin/v1/keys";
    request.body = body;
    http::Response answer;
    handler(std::move(request), [&](http::Response response) { answer = std::move(response); });
    return answer;
  }
  void expect_refused(const std::string& body, const std::string& why) {
    const auto answer = ask(body);
    EXPECT_EQ(answer.status, 400U) << body;
    const Json json = Json::parse(answer.body);
    EXPECT_EQ(json["error"], "admin_member_wrong") << body;
    EXPECT_NE(json["error_description"].get<std::string>().find(why), std::string::npos)
        << answer.body;
    EXPECT_TRUE(asked.empty()) << "a key was made";
  }

  std::vector<hsm::KeySpec> asked;
  Result<Json> outcome = Json{{"kid", "k"}};
  http::Handler handler = key_generation([this](const hsm::KeySpec& spec, hsm::Done<Json> done) {
    asked.push_back(spec);
    done(outcome);
  });
};

TEST_F(KeyGeneration, MakesATlsKey) {
  EXPECT_EQ(ask(R"({"purpose": "tls"})").status, 200U);
  EXPECT_EQ(ask(R"({"purpose": "tls", "algorithm": "ES384"})").status, 200U);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].purpose, hsm::Purpose::tls);
  EXPECT_EQ(asked[0].algorithm, jose::Algorithm::es256);
  EXPECT_EQ(asked[1].algorithm, jose::Algorithm::es384);
  EXPECT_NE(asked[0].id, asked[1].id);
}

TEST_F(KeyGeneration, OfAnotherPurposeIsRefused) {
  for (const char* body : {R"({"purpose": "access_token"})", R"({"purpose": "client_attestation"})",
                           R"({"purpose": "result"})", R"({"purpose": "status_list"})",
                           R"({"purpose": "event"})", R"({"purpose": "TLS"})"})
    expect_refused(body, "key \"purpose\": must be \"tls\"");
  expect_refused("{}", "key \"purpose\": is missing");
}

TEST_F(KeyGeneration, OfAnAlgorithmThatServesNoTlsIsRefused) {
  for (const char* algorithm : {"RS256", "PS256", "Ed25519", "HS256", "none", "es256"})
    expect_refused(R"({"purpose": "tls", "algorithm": ")" + std::string(algorithm) + "\"}",
                   R"(key "algorithm": must be "ES256" or "ES384")");
}

TEST_F(KeyGeneration, WithAMemberThatIsUnknownIsRefused) {
  expect_refused(R"({"purpose": "tls", "label": "mine"})", "label");
  expect_refused("tls", "request:1");
}

TEST_F(KeyGeneration, PassesOnWhyTheHardwareMadeNone) {
  outcome = fail(Code::hsm_unavailable, "the signer is not running");
  const auto answer = ask(R"({"purpose": "tls"})");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(Json::parse(answer.body)["error"], "hsm_unavailable");
}

TEST(DescribedKey, IsNamedForOtherProgramsAndShowsItsPublicHalf) {
  test::FakeKeyStore store;
  const hsm::KeyId id = *hsm::key_id_from("00112233445566778899aabbccddeeff");
  const hsm::KeyInfo key = store.make_key(hsm::Purpose::tls, id);
  const Json described = describe_key(key, "main", "my token");
  EXPECT_EQ(described["purpose"], "tls");
  EXPECT_EQ(described["store"], "main");
  EXPECT_EQ(described["kid"], key.kid());
  EXPECT_EQ(described["uri"],
            "pkcs11:token=%6d%79%20%74%6f%6b%65%6e;id=%00%11%22%33%44%55%66%77%88%99%aa%bb%cc%dd%ee"
            "%ff;type=private");
  const std::string pem = described["public_key"];
  EXPECT_TRUE(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI"));
  EXPECT_TRUE(pem.ends_with("\n-----END PUBLIC KEY-----\n"));
  EXPECT_EQ(describe_key(key, "main", "pkcs11:token=a")["uri"].get<std::string>().substr(0, 19),
            "pkcs11:token=a;id=%");
}

}  // namespace
}  // namespace mintmark::admin
