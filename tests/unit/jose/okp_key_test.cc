#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/soft_key.h"

namespace mintmark::jose {
namespace {

using test::SoftKey;

// RFC 8037 appendix A.2.
const Json rfc8037_key = {
    {"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}};

Json with(const char* name, const Json& value) {
  Json jwk = rfc8037_key;
  jwk[name] = value;
  return jwk;
}

void expect_refused(const Json& jwk, Code code) {
  const auto key = PublicKey::from_jwk(jwk);
  ASSERT_FALSE(key) << jwk.dump();
  EXPECT_EQ(key.error().code, code) << jwk.dump() << key.error().to_string();
}

TEST(OkpKey, HasTheThumbprintOfRfc8037) {
  // Appendix A.3.
  EXPECT_EQ(PublicKey::from_jwk(rfc8037_key).value().thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

TEST(OkpKey, VerifiesTheSignatureOfRfc8037) {
  // Appendix A.4; the payload is a text.
  const auto key = PublicKey::from_jwk(rfc8037_key).value();
  const std::string input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
  const Bytes signature =
      from_base64url(
          "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
          .value();
  EXPECT_TRUE(key.verify(as_bytes(input), signature));
  EXPECT_FALSE(key.verify(as_bytes(input + "A"), signature));
}

TEST(OkpKey, GoesThroughJwkSpkiAndOctetsUnchanged) {
  const PublicKey key = SoftKey(Algorithm::ed25519).public_key();
  EXPECT_EQ(PublicKey::from_jwk(key.to_jwk()).value(), key);
  EXPECT_EQ(PublicKey::from_spki(key.to_spki()).value(), key);
  EXPECT_EQ(
      PublicKey::from_ed25519(from_base64url(key.to_jwk()["x"].get<std::string>()).value()).value(),
      key);
  EXPECT_EQ(key.algorithm(), Algorithm::ed25519);
  EXPECT_EQ(PublicKey::from_jwk(rfc8037_key).value().to_jwk(), rfc8037_key);
  EXPECT_TRUE(key.to_point().empty());
}

TEST(OkpKey, MaySayItsAlgorithmByEitherName) {
  EXPECT_TRUE(PublicKey::from_jwk(with("alg", "Ed25519")));
  EXPECT_TRUE(PublicKey::from_jwk(with("alg", "EdDSA")));
  for (const char* alg : {"ES256", "Ed448", "RS256", "HS256", "ECDH-ES"})
    expect_refused(with("alg", alg), Code::jwk_unsupported);
}

TEST(OkpKey, OnAnotherCurveIsRefused) {
  for (const char* curve : {"X25519", "Ed448", "X448", "P-256", "ed25519", ""})
    expect_refused(with("crv", curve), Code::jwk_unsupported);
  expect_refused(with("kty", "EC"), Code::jwk_unsupported);
}

TEST(OkpKey, OfAnotherLengthIsRefused) {
  expect_refused(with("x", base64url(Bytes(31, 1))), Code::jwk_malformed);
  expect_refused(with("x", base64url(Bytes(33, 1))), Code::jwk_malformed);
  expect_refused(with("x", ""), Code::jwk_malformed);
  expect_refused(with("x", 1), Code::jwk_malformed);
}

TEST(OkpKey, ThatIsPrivateIsRefused) { expect_refused(with("d", "AQ"), Code::jwk_private); }

TEST(OkpKey, OffItsCurveIsRefused) {
  for (const char* hex : {// y = 2 has no x.
                          "0200000000000000000000000000000000000000000000000000000000000000",
                          // y = p and y = 2^255 - 1 are not less than p.
                          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}) {
    const auto key = PublicKey::from_ed25519(from_hex(hex).value());
    ASSERT_FALSE(key) << hex;
    EXPECT_EQ(key.error().code, Code::key_off_curve) << hex;
  }
}

TEST(OkpKey, OfSmallOrderIsWeak) {
  // With such a key everybody can make signatures.
  for (const std::string hex :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"}) {
    Bytes octets = from_hex(hex).value();
    for (int side = 0; side < 2; ++side) {
      octets.back() ^= 0x80U;  // The sign of x.
      const auto key = PublicKey::from_ed25519(octets);
      ASSERT_FALSE(key) << hex;
      EXPECT_EQ(key.error().code, Code::jwk_weak) << hex;
    }
  }
}

TEST(OkpKey, ManyFreshOnesAreAllTaken) {
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(SoftKey(Algorithm::ed25519).sign(as_bytes("a")).size(), 64U);
}

Result<VerifiedJws> judge(const char* alg, AlgorithmNames names) {
  static const SoftKey key(Algorithm::ed25519);
  auto jws = UnverifiedJws::parse(key.sign_jws({{"alg", alg}}, Json::object())).value();
  return std::move(jws).verify(key.public_key(), names);
}

TEST(OkpSignature, NamedEdDsaIsTakenOnlyWhereTheOldNameIs) {
  EXPECT_TRUE(judge("Ed25519", AlgorithmNames::fully_specified));
  EXPECT_TRUE(judge("Ed25519", AlgorithmNames::polymorphic_too));
  EXPECT_TRUE(judge("EdDSA", AlgorithmNames::polymorphic_too));
  EXPECT_EQ(judge("EdDSA", AlgorithmNames::fully_specified).error().code, Code::jws_alg_refused);
  for (const char* alg : {"ES256", "RS256", "Ed448", "HS256", "none", "eddsa"})
    EXPECT_EQ(judge(alg, AlgorithmNames::polymorphic_too).error().code, Code::jws_alg_refused);
}

}  // namespace
}  // namespace mintmark::jose
