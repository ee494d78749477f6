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

Result<PublicKey> key_of(const Json& group, Algorithm algorithm) {
  if (group.contains("publicKeyDer"))
    return PublicKey::from_spki(from_hex(group["publicKeyDer"].get<std::string>()).value(),
                                algorithm);
  const Bytes point = from_hex(group["publicKey"]["uncompressed"].get<std::string>()).value();
  return PublicKey::from_point(algorithm, point);
}

class Wycheproof : public testing::TestWithParam<Suite> {
 protected:
  void SetUp() override {
    if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

INSTANTIATE_TEST_SUITE_P(
    Signatures, Wycheproof,
    testing::Values(Suite{"ecdsa_secp256r1_sha256_p1363", Algorithm::es256, false},
                    Suite{"ecdsa_secp384r1_sha384_p1363", Algorithm::es384, false},
                    Suite{"ecdsa_secp256r1_sha256", Algorithm::es256, true},
                    Suite{"ecdsa_secp384r1_sha384", Algorithm::es384, true},
                    Suite{"rsa_signature_2048_sha256", Algorithm::rs256, false},
                    Suite{"rsa_signature_3072_sha256", Algorithm::rs256, false},
                    Suite{"rsa_pss_2048_sha256_mgf1_32", Algorithm::ps256, false},
                    Suite{"rsa_pss_3072_sha256_mgf1_32", Algorithm::ps256, false},
                    Suite{"ed25519", Algorithm::ed25519, false}),
    [](const auto& one) { return one.param.id; });

TEST_P(Wycheproof, SignaturesAreJudgedAsThere) {
  const Json item = entry(GetParam().id);
  int judged = 0;
  const Json file = read_json(item["files"][0]);
  for (const Json& group : file["testGroups"]) {
    const auto key = key_of(group, GetParam().algorithm);
    ASSERT_TRUE(key) << key.error().to_string();
    for (const Json& test : group["tests"]) {
      ++judged;
      // "Acceptable" is a signature without the NULL of its hash's identifier, which RFC 8017 has.
      EXPECT_EQ(verifies(GetParam(), *key, test), test["result"] == "valid")
          << test["tcId"] << " " << test["comment"];
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

// PS256 has a salt as long as its hash, and the hash of its mask is SHA-256 (RFC 7518 §3.5).
TEST_F(WycheproofJws, SignaturesWithAnotherSaltOrHashAreRefused) {
  int judged = 0;
  for (const char* id : {"rsa_pss_2048_sha256_mgf1_0", "rsa_pss_2048_sha384_mgf1_48"}) {
    const Json file = read_json(entry(id)["files"][0]);
    for (const Json& group : file["testGroups"]) {
      const auto key = key_of(group, Algorithm::ps256);
      ASSERT_TRUE(key) << key.error().to_string();
      for (const Json& test : group["tests"]) {
        if (test["result"] != "valid") continue;  // One of those has the salt of PS256.
        ++judged;
        const Bytes signature = from_hex(test["sig"].get<std::string>()).value();
        EXPECT_FALSE(key->verify(from_hex(test["msg"].get<std::string>()).value(), signature))
            << id << " " << test["tcId"];
      }
    }
  }
  EXPECT_GE(judged, 80);
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

// Keys of one bit too few, with the exponent 1, off their curve, for another use.
TEST_F(WycheproofJws, WithBadKeysAreAllRefused) {
  int judged = 0;
  const Json file = read_json(entry("json_web_key")["files"][0]);
  for (const Json& group : file["testGroups"]) {
    if (!group.contains("public")) continue;
    for (const Json& test : group["tests"]) {
      for (const Json& jwk : group["public"]["keys"]) {
        if (test["result"] != "invalid") continue;
        ++judged;
        EXPECT_FALSE(takes(jwk, test["jws"])) << test["tcId"] << " " << test["comment"];
      }
    }
  }
  EXPECT_GE(judged, 5);
}

}  // namespace
}  // namespace mintmark::jose
