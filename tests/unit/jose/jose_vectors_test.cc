// The published examples of JOSE: RFC 7515 appendix A, RFC 7520 (the cookbook), RFC 7638, RFC 7797,
// RFC 8037. What is signed with an algorithm of ours verifies; everything else is refused, each
// kind with its code.
#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/test_data.h"

namespace mintmark::jose {
namespace {

Json read_json(const std::string& name) {
  const Bytes text = test::data_file(name);
  return Json::parse(text.begin(), text.end());
}

Json public_half(Json jwk) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi"}) jwk.erase(name);
  return jwk;
}

bool is_ours(const std::string& alg) {
  return algorithm_named(alg, AlgorithmNames::polymorphic_too).has_value();
}

void expect_key_refused(const Json& jwk, const std::string& id) {
  const auto key = PublicKey::from_jwk(public_half(jwk));
  ASSERT_FALSE(key) << id;
  EXPECT_EQ(key.error().code, jwk.contains("k") ? Code::jwk_private : Code::jwk_unsupported) << id;
}

// The payloads are texts, of which UnverifiedJws takes none.
void expect_verifies(const std::string& compact, const Json& jwk, const std::string& alg,
                     const std::string& id) {
  const auto algorithm = algorithm_named(alg, AlgorithmNames::polymorphic_too).value();
  const auto key = PublicKey::from_jwk(public_half(jwk), algorithm);
  ASSERT_TRUE(key) << id << key.error().to_string();
  EXPECT_EQ(key->algorithm(), algorithm) << id;
  const auto dot = compact.rfind('.');
  const Bytes signature = from_base64url(compact.substr(dot + 1)).value();
  EXPECT_TRUE(key->verify(as_bytes(compact.substr(0, dot)), signature)) << id;
  EXPECT_FALSE(key->verify(as_bytes(compact.substr(0, dot - 1)), signature)) << id;
}

// Both shapes of file: {"jws", "key"} and the cookbook's {"input", "output"}.
void judge_signature(const Json& file, const std::string& alg, const std::string& id) {
  const Json& key = file.contains("key") ? file["key"] : file["input"]["key"];
  if (is_ours(alg)) {
    return expect_verifies(file.contains("jws") ? file["jws"] : file["output"]["compact"], key, alg,
                           id);
  }
  EXPECT_EQ(algorithm_named(alg).error().code, Code::jws_alg_refused) << id;
  expect_key_refused(key, id);
}

// RFC 7515 §7.2 is not taken in any form.
void judge_serialisations(const Json& output, const std::string& id) {
  for (const char* form : {"json", "json_flat"}) {
    if (!output.contains(form)) continue;
    const auto jws = UnverifiedJws::parse(output[form].dump());
    ASSERT_FALSE(jws) << id;
    EXPECT_EQ(jws.error().code, Code::jws_malformed) << id;
  }
}

class JoseVectors : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

TEST_F(JoseVectors, OfOurAlgorithmsVerifyAndAllOthersAreRefused) {
  int ours = 0;
  int others = 0;
  for (const Json& item : test::cases_of("jose")) {
    const std::string id = item["id"];
    const Json file = read_json(item["files"][0]);
    if (file.contains("output")) judge_serialisations(file["output"], id);
    if (!item["expect"].contains("alg")) continue;
    const std::string alg = item["expect"]["alg"];
    is_ours(alg) ? ++ours : ++others;
    judge_signature(file, alg, id);
  }
  EXPECT_GE(ours, 3);  // ES256, RS256, Ed25519.
  EXPECT_GE(others, 3);
}

TEST_F(JoseVectors, KeysOfOtherKindsAndPrivateKeysAreRefused) {
  int judged = 0;
  for (const Json& item : test::cases_of("jose")) {
    if (item["expect"]["answer"] != "parse") continue;
    const Json jwk = read_json(item["files"][0]);
    const bool is_private = jwk.contains("d") || jwk.contains("k");
    const auto key = PublicKey::from_jwk(jwk);
    ASSERT_FALSE(key) << item["id"];  // P-521, RSA without alg, oct.
    EXPECT_EQ(key.error().code, is_private ? Code::jwk_private : Code::jwk_unsupported)
        << item["id"];
    ++judged;
  }
  EXPECT_GE(judged, 4);
}

// RFC 7638 §3.1, and a leading zero.
TEST_F(JoseVectors, ThumbprintsAreAsKnown) {
  int judged = 0;
  for (const char* topic : {"jose", "dpop"}) {
    for (const Json& item : test::cases_of(topic)) {
      const std::string name = item["files"][0];
      if (!name.ends_with(".json")) continue;
      const Json file = read_json(name);
      if (!file.is_object() || !file.contains("thumbprint_sha256")) continue;
      const auto key = PublicKey::from_jwk(file["jwk"]);
      ++judged;
      EXPECT_EQ(key.value().thumbprint(), file["thumbprint_sha256"].get<std::string>())
          << item["id"];
    }
  }
  EXPECT_GE(judged, 2);
}

}  // namespace
}  // namespace mintmark::jose
