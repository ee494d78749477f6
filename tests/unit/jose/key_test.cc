#include "jose/key.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "support/soft_key.h"

namespace mintmark::jose {
namespace {

using test::SoftKey;

// RFC 7515 A.3.
const Json rfc7515_key = {{"kty", "EC"},
                          {"crv", "P-256"},
                          {"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},
                          {"y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}};

void expect_refused(const Json& jwk, Code code) {
  const auto key = PublicKey::from_jwk(jwk);
  ASSERT_FALSE(key) << jwk.dump();
  EXPECT_EQ(key.error().code, code) << jwk.dump() << key.error().to_string();
}

Json with(const char* name, const Json& value) {
  Json jwk = rfc7515_key;
  jwk[name] = value;
  return jwk;
}

Json without(const char* name) {
  Json jwk = rfc7515_key;
  jwk.erase(name);
  return jwk;
}

TEST(PublicKey, OfAJwkGivesTheSameJwk) {
  const auto key = PublicKey::from_jwk(rfc7515_key);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->to_jwk(), rfc7515_key);
  EXPECT_EQ(key->algorithm(), Algorithm::es256);
}

TEST(PublicKey, GoesThroughPointAndSpkiUnchangedOnBothCurves) {
  for (const Algorithm algorithm : {Algorithm::es256, Algorithm::es384}) {
    const PublicKey key = SoftKey(algorithm).public_key();
    EXPECT_EQ(PublicKey::from_point(algorithm, key.to_point()).value(), key);
    EXPECT_EQ(PublicKey::from_spki(key.to_spki()).value(), key);
    EXPECT_EQ(PublicKey::from_spki(key.to_spki(), Algorithm::rs256).value(), key);
    EXPECT_EQ(PublicKey::from_jwk(key.to_jwk()).value(), key);
    EXPECT_EQ(key.algorithm(), algorithm);
  }
}

TEST(PublicKey, ThumbprintTakesTheRequiredMembersInOrder) {
  // RFC 7638 §3: {"crv":…,"kty":…,"x":…,"y":…}, no white space, nothing else.
  const std::string canonical =
      R"({"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
  const auto key = PublicKey::from_jwk(with("kid", "any"));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->thumbprint(), base64url(sha256(canonical)));
}

TEST(PublicKey, ThatSaysItIsForSignaturesIsTaken) {
  EXPECT_TRUE(PublicKey::from_jwk(with("use", "sig")));
  EXPECT_TRUE(PublicKey::from_jwk(with("alg", "ES256")));
  EXPECT_TRUE(PublicKey::from_jwk(with("key_ops", Json::array({"verify"}))));
}

TEST(PublicKey, ThatSaysItIsForSomethingElseIsRefused) {
  expect_refused(with("use", "enc"), Code::jwk_unsupported);
  expect_refused(with("use", 1), Code::jwk_unsupported);
  expect_refused(with("alg", "ES384"), Code::jwk_unsupported);
  expect_refused(with("alg", "ECDH-ES"), Code::jwk_unsupported);
  expect_refused(with("alg", 256), Code::jwk_unsupported);
  expect_refused(with("key_ops", Json::array({"deriveKey"})), Code::jwk_unsupported);
  expect_refused(with("key_ops", "verify"), Code::jwk_unsupported);
}

TEST(PublicKey, WithAnyPrivateMemberIsRefused) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    expect_refused(with(name, "AQ"), Code::jwk_private);
    expect_refused(with(name, nullptr), Code::jwk_private);
  }
}

TEST(PublicKey, OfAnotherTypeIsRefused) {
  expect_refused(with("kty", "OKP"), Code::jwk_unsupported);
  expect_refused(with("kty", "oct"), Code::jwk_unsupported);
  expect_refused(with("kty", "ec"), Code::jwk_unsupported);
  expect_refused(with("kty", 1), Code::jwk_unsupported);
  expect_refused(without("kty"), Code::jwk_unsupported);
}

TEST(PublicKey, OnAnotherCurveIsRefused) {
  for (const char* curve : {"P-521", "secp256k1", "p-256", "P-256 ", ""}) {
    expect_refused(with("crv", curve), Code::jwk_unsupported);
  }
  expect_refused(without("crv"), Code::jwk_unsupported);
}

TEST(PublicKey, WithoutACoordinateIsRefused) {
  expect_refused(without("x"), Code::jwk_malformed);
  expect_refused(without("y"), Code::jwk_malformed);
  expect_refused(with("x", 7), Code::jwk_malformed);
}

TEST(PublicKey, WithACoordinateOfAnotherLengthIsRefused) {
  const Bytes x = from_base64url(rfc7515_key["x"].get<std::string>()).value();
  expect_refused(with("x", base64url(BytesView(x).first(31))), Code::jwk_malformed);
  Bytes longer{0};
  longer.insert(longer.end(), x.begin(), x.end());
  expect_refused(with("x", base64url(longer)), Code::jwk_malformed);
  expect_refused(with("x", ""), Code::jwk_malformed);
  expect_refused(with("x", rfc7515_key["x"].get<std::string>() + "="), Code::jwk_malformed);
}

TEST(PublicKey, OffItsCurveIsRefused) {
  expect_refused(with("y", rfc7515_key["x"]), Code::key_off_curve);
  expect_refused(with("x", base64url(Bytes(32, 0xFF))), Code::key_off_curve);
  Json zero = rfc7515_key;
  zero["x"] = zero["y"] = base64url(Bytes(32, 0));
  expect_refused(zero, Code::key_off_curve);
}

TEST(PublicKey, OfWhatIsNoObjectIsRefused) {
  for (const Json& value : {Json(), Json("key"), Json(1), Json::array()})
    expect_refused(value, Code::jwk_malformed);
}

TEST(PublicKey, OfAPointInAnotherFormIsRefused) {
  const Bytes point = SoftKey().public_key().to_point();
  Bytes compressed(point.begin(), point.begin() + 33);
  compressed[0] = 0x02;
  const Bytes infinity{0x00};
  Bytes hybrid = point;
  hybrid[0] = 0x06;
  Bytes longer = point;
  longer.push_back(0);
  for (const Bytes& other :
       {compressed, infinity, hybrid, longer, Bytes{}, Bytes(point.begin(), point.end() - 1)}) {
    const auto key = PublicKey::from_point(Algorithm::es256, other);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::jwk_malformed);
  }
  EXPECT_FALSE(PublicKey::from_point(Algorithm::es384, point));
}

TEST(PublicKey, OfSpkiWithOctetsBehindItOrCutShortIsRefused) {
  Bytes spki = SoftKey().public_key().to_spki();
  for (std::size_t length = 0; length < spki.size(); ++length) {
    EXPECT_FALSE(PublicKey::from_spki(BytesView(spki).first(length)));
  }
  spki.push_back(0);
  EXPECT_EQ(PublicKey::from_spki(spki).error().code, Code::jwk_malformed);
}

TEST(PublicKey, OfSpkiWithAnotherKindOfKeyIsRefused) {
  // An X25519 key.
  const Bytes x25519 =
      from_base64("MCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=").value();
  EXPECT_EQ(PublicKey::from_spki(x25519).error().code, Code::jwk_unsupported);
}

TEST(PublicKey, OfSpkiOnAnotherCurveOrWithoutAPointIsRefused) {
  // P-521 and secp256k1.
  for (const char* text :
       {"MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBfbIB8fbKcZDdnbOhHNo/85PCtoQidFuHpCouiAPa/8uD"
        "+DcLn5h7H8KVXuQ6ROKvo2+a3s/aJTZPSxHEBvzmNCoAOlcwPuVZMDYZBj5s9w8yGfDyuWzYYsP68g59"
        "uUtV45juXp4I31wbiqaHWA2FEE7r1vWtcEyaJkX+BhFrH9LHPt0=",
        "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEz0PRdl2s02XoLphdrgautiy9QB8LAgPY36iJqMddGc55p0Ps"
        "nVYUSKn+HdvQZwf2pIJlSSiVyqStgaTTnyc9UQ=="}) {
    const auto key = PublicKey::from_spki(from_base64(text).value());
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().code, Code::jwk_unsupported) << key.error().to_string();
  }
  // P-256 with the point at infinity.
  const auto nowhere =
      PublicKey::from_spki(from_base64("MBkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDAgAA").value());
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Code::jwk_unsupported) << nowhere.error().to_string();
}

TEST(PublicKey, OfAPointForAnAlgorithmWithoutCurveIsRefused) {
  const Bytes point = SoftKey().public_key().to_point();
  for (const Algorithm algorithm : {Algorithm::rs256, Algorithm::ps256, Algorithm::ed25519}) {
    const auto key = PublicKey::from_point(algorithm, point);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::jwk_unsupported);
  }
}

TEST(Algorithm, HasTheNamesOfRfc7518AndRfc9864) {
  EXPECT_EQ(algorithm_named("ES256").value(), Algorithm::es256);
  EXPECT_EQ(algorithm_named("ES384").value(), Algorithm::es384);
  EXPECT_EQ(algorithm_named("RS256").value(), Algorithm::rs256);
  EXPECT_EQ(algorithm_named("PS256").value(), Algorithm::ps256);
  EXPECT_EQ(algorithm_named("Ed25519").value(), Algorithm::ed25519);
  for (const Algorithm algorithm : all_algorithms)
    EXPECT_EQ(algorithm_named(name_of(algorithm)).value(), algorithm);
  EXPECT_EQ(all_algorithm_names(), "ES256, ES384, RS256, PS256 and Ed25519");
}

TEST(Algorithm, EdDsaIsTheOldNameOfEd25519WhereOldNamesAreTaken) {
  EXPECT_EQ(algorithm_named("EdDSA", AlgorithmNames::polymorphic_too).value(), Algorithm::ed25519);
  EXPECT_FALSE(algorithm_named("EdDSA"));
  EXPECT_FALSE(algorithm_named("Ed448", AlgorithmNames::polymorphic_too));
}

TEST(Algorithm, ThatIsNotOursIsRefused) {
  for (const char* name : {"none", "None", "HS256", "HS384", "HS512", "RS384", "PS512", "ES512",
                           "EdDSA", "Ed448", "es256", "ed25519", ""}) {
    const auto algorithm = algorithm_named(name);
    ASSERT_FALSE(algorithm) << name;
    EXPECT_EQ(algorithm.error().code, Code::jws_alg_refused) << name;
  }
}

}  // namespace
}  // namespace mintmark::jose
