// What strangers are shown of where keys live, and what they may ask a TPM.
#include "api/key_evidence.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "support/soft_key.h"

namespace mintmark::api {
namespace {

constexpr const char* shown_at = "/.well-known/key-evidence";

class KeyEvidenceEndpoint : public testing::Test {
 protected:
  KeyEvidenceEndpoint() {
    add_key_evidence(router, "", published, std::chrono::seconds(300));
    add_key_activation(
        router, "", published, limit, [this](const http::Request&) { return address; },
        [this](const Activation& wanted, const hsm::Done<Bytes>& done) {
          asked.push_back(wanted);
          done(opened);
        });
  }
  void publish(const std::vector<test::SoftKey>& keys) {
    std::vector<keyring::PublishedKey> all;
    for (const test::SoftKey& one : keys)
      all.push_back({hsm::random_key_id(), "main", hsm::Purpose::access_token, all.empty(),
                     one.public_key()});
    published.take_keys(keyring::Snapshot::make(1, std::move(all)).value());
  }
  void prove(const test::SoftKey& one, const std::string& kind = "tpm2-certify") {
    published.take_evidence(
        one.jkt(), {kind, {{"kid", one.jkt()}, {"ek", {{{"nv_index", 7}, {"certificate", "A"}}}}}});
  }
  http::Response call(http::Request request) {
    http::Response answer;
    router(std::move(request), [&](http::Response response) { answer = std::move(response); });
    return answer;
  }
  http::Response get(const std::string& known = "") {
    http::Request request;
    request.method = "GET";
    request.path = shown_at;
    if (!known.empty()) request.headers.add("If-None-Match", known);
    return call(request);
  }
  http::Response activate(const Json& body) {
    http::Request request;
    request.method = "POST";
    request.path = "/key-evidence/activate";
    request.headers.add("Content-Type", "application/json");
    request.body = body.dump();
    return call(request);
  }
  Json good() const {
    return {{"kid", key.jkt()},
            {"ek_nv_index", 7},
            {"credential_blob", jose::base64url(Bytes{0, 1, 2})},
            {"encrypted_secret", jose::base64url(Bytes{0, 1, 3})}};
  }
  std::string refusal(const Json& body) {
    const http::Response answer = activate(body);
    EXPECT_GE(answer.status, 400U);
    return Json::parse(answer.body)["code"];
  }

  test::SoftKey key;
  PublishedEvidence published{"https://issuer.example"};
  ActivationLimit limit{8};
  std::string address = "192.0.2.1";
  Result<Bytes> opened = Bytes{9, 9};
  std::vector<Activation> asked;
  http::Router router;
};

TEST_F(KeyEvidenceEndpoint, ShowsEachPublishedKeyAndWhoseWordItIs) {
  const test::SoftKey bare;
  publish({key, bare});
  prove(key);
  const http::Response answer = get();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(*answer.headers.find("Cache-Control"), "public, max-age=300");
  const Json document = Json::parse(answer.body);
  EXPECT_EQ(document["issuer"], "https://issuer.example");
  ASSERT_EQ(document["keys"].size(), 2U);
  // In the order of the JWK set.
  const std::size_t at = document["keys"][0]["kid"] == key.jkt() ? 0 : 1;
  const Json& first = document["keys"][at];
  EXPECT_EQ(first["kid"], key.jkt());
  EXPECT_EQ(first["purpose"], "access_token");
  EXPECT_EQ(first["alg"], "ES256");
  EXPECT_EQ(first["evidence"]["kind"], "tpm2-certify");
  EXPECT_EQ(first["evidence"]["facts"]["kid"], key.jkt());
  EXPECT_NE(first["evidence"]["claim"].get<std::string>().find("TPM"), std::string::npos);
  EXPECT_EQ(document["keys"][1 - at]["kid"], bare.jkt());
  EXPECT_TRUE(document["keys"][1 - at]["evidence"].is_null());
}

TEST_F(KeyEvidenceEndpoint, IsUnavailableBeforeThereIsAKey) { EXPECT_EQ(get().status, 503U); }

TEST_F(KeyEvidenceEndpoint, AnswersThatNothingChangedUntilSomethingHas) {
  publish({key});
  const std::string tag = *get().headers.find("ETag");
  EXPECT_EQ(get(tag).status, 304U);
  prove(key);
  EXPECT_EQ(get(tag).status, 200U);
}

TEST_F(KeyEvidenceEndpoint, ForgetsTheEvidenceOfAKeyThatIsGone) {
  publish({key});
  prove(key);
  publish({test::SoftKey()});
  publish({key});
  EXPECT_TRUE(Json::parse(get().body)["keys"][0]["evidence"].is_null());
}

TEST_F(KeyEvidenceEndpoint, HasACredentialOpened) {
  publish({key});
  prove(key);
  const http::Response answer = activate(good());
  EXPECT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(Json::parse(answer.body), Json({{"secret", jose::base64url(Bytes{9, 9})}}));
  EXPECT_EQ(*answer.headers.find("Cache-Control"), "no-store");
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].kid, key.jkt());
  EXPECT_EQ(asked[0].ek_nv_index, 7U);
  EXPECT_EQ(asked[0].credential_blob, (Bytes{0, 1, 2}));
  EXPECT_EQ(asked[0].encrypted_secret, (Bytes{0, 1, 3}));
}

TEST_F(KeyEvidenceEndpoint, AsksNoTpmForWhatCannotBeACredential) {
  publish({key});
  prove(key);
  const std::pair<const char*, Json> wrong[] = {
      {"kid", nullptr},
      {"kid", ""},
      {"kid", 7},
      {"ek_nv_index", nullptr},
      {"ek_nv_index", "7"},
      {"ek_nv_index", -7},
      {"ek_nv_index", 0x1'0000'0000},
      {"credential_blob", nullptr},
      {"credential_blob", "=="},
      {"credential_blob", jose::base64url(Bytes{0, 2, 1})},  // It says more than there is.
      {"credential_blob", jose::base64url(Bytes(161, 1))},
      {"encrypted_secret", 7},
      {"encrypted_secret", jose::base64url(Bytes(515, 1))}};
  for (const auto& [name, value] : wrong) {
    Json body = good();
    body[name] = value;
    EXPECT_EQ(refusal(body), "activation_malformed") << name << value;
    body.erase(name);
    EXPECT_EQ(refusal(body), "activation_malformed") << name;
  }
  EXPECT_EQ(activate(7).status, 400U);
  EXPECT_TRUE(asked.empty());
}

TEST_F(KeyEvidenceEndpoint, AsksNoTpmForAKeyThatIsInNone) {
  EXPECT_EQ(refusal(good()), "keys_not_ready");
  publish({key});
  EXPECT_EQ(refusal(good()), "activation_store");
  prove(key, "pkcs11-attributes");
  EXPECT_EQ(refusal(good()), "activation_store");
  Json other = good();
  other["kid"] = test::SoftKey().jkt();
  EXPECT_EQ(refusal(other), "key_not_found");
  prove(key);
  other = good();
  other["ek_nv_index"] = 8;
  EXPECT_EQ(refusal(other), "activation_unavailable");
  EXPECT_TRUE(asked.empty());
}

TEST_F(KeyEvidenceEndpoint, HasNoMoreOpenedThanTheLimitAllows) {
  publish({key});
  prove(key);
  Json malformed = good();
  malformed.erase("kid");
  for (int i = 0; i < 20; ++i) (void)activate(malformed);  // These cost a TPM nothing.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(activate(good()).status, 200U);
  const http::Response answer = activate(good());
  EXPECT_EQ(answer.status, 429U);
  EXPECT_EQ(Json::parse(answer.body)["code"], "activation_rate");
  EXPECT_GE(std::stoi(*answer.headers.find("Retry-After")), 1);
  address = "192.0.2.2";
  EXPECT_EQ(activate(good()).status, 200U);
  EXPECT_EQ(asked.size(), 5U);
}

TEST_F(KeyEvidenceEndpoint, SaysThatACredentialIsWrongAndNotThatTheOperatorIs) {
  publish({key});
  prove(key);
  opened = fail(Code::tpm_credential_refused, "TPM2_ActivateCredential: integrity");
  EXPECT_EQ(refusal(good()), "activation_refused");
  opened = fail(Code::activation_secret_foreign, "not made to be given away");
  EXPECT_EQ(refusal(good()), "activation_secret_foreign");
  Error busy{Code::activation_behind_tokens, "tokens first", 0, 3};
  opened = tl::unexpected<Error>(busy);
  const http::Response answer = activate(good());
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(*answer.headers.find("Retry-After"), "3");
}

}  // namespace
}  // namespace mintmark::api
