// Project Wycheproof: signatures at the edges, r || s (P1363) as JWS has them and DER as X.509 and
// TPMs have them.
#include <gtest/gtest.h>

#include "jose/jws.h"
#include "support/test_data.h"

namespace mintmark::jose {
namespace {

Json read_json(const std::string& name) {
  const Bytes text = test::data_file(name);
  return Json::parse(text.begin(), text.end());
}

Json entry(const std::string& id) {
  for (Json& item : test::cases_of("wycheproof")) {
    if (item["id"] == "wycheproof/" + id) return std::move(item);
  }
  throw std::runtime_error("no entry " + id);
}

struct Suite {
  std::string id;
  Algorithm algorithm;
  bool der;

  friend std::ostream& operator<<(std::ostream& out, const Suite& suite) { return out << suite.id; }
};

bool verifies(const Suite& suite, const PublicKey& key, const Json& test) {
  const Bytes message = from_hex(test["msg"].get<std::string>()).value();
  const Bytes signature = from_hex(test["sig"].get<std::string>()).value();
  if (!suite.der) return key.verify(message, signature);
  const auto raw = signature_from_der(suite.algorithm, signature);
  return raw && key.verify(message, *raw);
}

class Wycheproof : public testing::TestWithParam<Suite> {
 protected:
  void SetUp() override {
    if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

INSTANTIATE_TEST_SUITE_P(
    Ecdsa, Wycheproof,
    testing::Values(Suite{"ecdsa_secp256r1_sha256_p1363", Algorithm::es256, false},
                    Suite{"ecdsa_secp384r1_sha384_p1363", Algorithm::es384, false},
                    Suite{"ecdsa_secp256r1_sha256", Algorithm::es256, true},
                    Suite{"ecdsa_secp384r1_sha384", Algorithm::es384, true}),
    [](const auto& one) { return one.param.id; });

TEST_P(Wycheproof, SignaturesAreJudgedAsThere) {
  const Json item = entry(GetParam().id);
  int judged = 0;
  const Json file = read_json(item["files"][0]);
  for (const Json& group : file["testGroups"]) {
    const Bytes point = from_hex(group["publicKey"]["uncompressed"].get<std::string>()).value();
    const auto key = PublicKey::from_point(GetParam().algorithm, point);
    ASSERT_TRUE(key) << key.error().to_string();
    for (const Json& test : group["tests"]) {
      EXPECT_EQ(verifies(GetParam(), *key, test), test["result"] == "valid")
          << test["tcId"] << " " << test["comment"];
      ++judged;
    }
  }
  EXPECT_EQ(judged, file["numberOfTests"].get<int>());
}

class WycheproofJws : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

bool takes(const Json& jwk, const std::string& compact) {
  const auto key = PublicKey::from_jwk(jwk);
  auto jws = UnverifiedJws::parse(compact);
  return key && jws && std::move(*jws).verify(*key).has_value();
}

TEST_F(WycheproofJws, ThatAreInvalidAreAllRefused) {
  int judged = 0;
  const Json file = read_json(entry("json_web_signature")["files"][0]);
  for (const Json& group : file["testGroups"]) {
    if (!group.contains("public")) continue;
    for (const Json& test : group["tests"]) {
      if (test["result"] != "invalid") continue;
      ++judged;
      EXPECT_FALSE(takes(group["public"], test["jws"])) << test["tcId"] << " " << test["comment"];
    }
  }
  EXPECT_GE(judged, 20);
}

}  // namespace
}  // namespace mintmark::jose
