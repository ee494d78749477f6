#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <array>
#include <memory>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "jose/roca.h"
#include "support/roca_modulus.h"
#include "support/soft_key.h"

namespace mintmark::jose {
namespace {

using test::SoftKey;

constexpr std::string_view message = "what is signed";

const SoftKey& pkcs1() {
  static const SoftKey key(Algorithm::rs256);
  return key;
}

const SoftKey& pss() {
  static const SoftKey key(Algorithm::ps256);
  return key;
}

Json with(const char* name, const Json& value) {
  Json jwk = pkcs1().public_key().to_jwk();
  jwk[name] = value;
  return jwk;
}

Json without(const char* name) {
  Json jwk = pkcs1().public_key().to_jwk();
  jwk.erase(name);
  return jwk;
}

void expect_refused(const Json& jwk, Code code, std::optional<Algorithm> used_with = std::nullopt) {
  const auto key = PublicKey::from_jwk(jwk, used_with);
  ASSERT_FALSE(key) << jwk.dump();
  EXPECT_EQ(key.error().code, code) << jwk.dump() << key.error().to_string();
}

Bytes modulus() { return from_base64url(with("x", 0)["n"].get<std::string>()).value(); }

TEST(RsaKey, GoesThroughJwkSpkiAndNumbersUnchanged) {
  for (const SoftKey& soft : {pkcs1(), pss()}) {
    const PublicKey& key = soft.public_key();
    EXPECT_EQ(PublicKey::from_jwk(key.to_jwk()).value(), key);
    EXPECT_EQ(PublicKey::from_jwk(key.to_jwk()).value().to_jwk(), key.to_jwk());
    EXPECT_EQ(PublicKey::from_spki(key.to_spki(), key.algorithm()).value(), key);
    const Bytes n = from_base64url(key.to_jwk()["n"].get<std::string>()).value();
    Bytes padded{0, 0};
    padded.insert(padded.end(), n.begin(), n.end());
    EXPECT_EQ(PublicKey::from_rsa(n, Bytes{1, 0, 1}, key.algorithm()).value(), key);
    EXPECT_EQ(PublicKey::from_rsa(padded, Bytes{0, 1, 0, 1}, key.algorithm()).value(), key);
    EXPECT_TRUE(key.to_point().empty());
  }
}

TEST(RsaKey, SaysItsOneAlgorithmInItsJwk) {
  EXPECT_EQ(pkcs1().public_key().to_jwk()["alg"], "RS256");
  EXPECT_EQ(pss().public_key().to_jwk()["alg"], "PS256");
}

TEST(RsaKey, WithoutAlgIsOfTheAlgorithmItIsUsedWith) {
  EXPECT_EQ(PublicKey::from_jwk(without("alg"), Algorithm::ps256).value().algorithm(),
            Algorithm::ps256);
  EXPECT_EQ(PublicKey::from_jwk(without("alg"), Algorithm::rs256).value().algorithm(),
            Algorithm::rs256);
}

TEST(RsaKey, OfWhichNothingSaysTheAlgorithmIsRefused) {
  expect_refused(without("alg"), Code::jwk_unsupported);
  EXPECT_EQ(PublicKey::from_spki(pkcs1().public_key().to_spki()).error().code,
            Code::jwk_unsupported);
}

TEST(RsaKey, ForAnAlgorithmOfAnotherKindIsRefused) {
  for (const char* alg : {"RS384", "PS512", "ES256", "Ed25519", "EdDSA", "HS256", "RSA-OAEP", ""})
    expect_refused(with("alg", alg), Code::jwk_unsupported);
  expect_refused(with("alg", 1), Code::jwk_unsupported);
  for (const Algorithm algorithm : {Algorithm::es256, Algorithm::es384, Algorithm::ed25519}) {
    expect_refused(without("alg"), Code::jwk_unsupported, algorithm);
    EXPECT_EQ(PublicKey::from_rsa(modulus(), Bytes{1, 0, 1}, algorithm).error().code,
              Code::jwk_unsupported);
  }
}

TEST(RsaKey, KeepsItsOwnAlgorithmWhateverItIsUsedWith) {
  EXPECT_EQ(PublicKey::from_jwk(with("kid", "a"), Algorithm::ps256).value().algorithm(),
            Algorithm::rs256);
}

TEST(RsaKey, OfTheOtherPaddingIsAnotherKeyOfTheSameThumbprint) {
  const auto other = PublicKey::from_jwk(with("alg", "PS256")).value();
  EXPECT_EQ(other.thumbprint(), pkcs1().public_key().thumbprint());
  EXPECT_FALSE(other == pkcs1().public_key());
}

TEST(RsaKey, WithAShortModulusIsWeak) {
  Bytes n = modulus();
  n.front() = 0x7F;  // 2047 bits.
  expect_refused(with("n", base64url(n)), Code::jwk_weak);
  Bytes short_one(128, 0xFF);
  expect_refused(with("n", base64url(short_one)), Code::jwk_weak);
  expect_refused(with("n", base64url(Bytes{3})), Code::jwk_weak);
}

TEST(RsaKey, OfTheFlawedMakeOfRocaIsWeak) {
  Bytes n = test::roca_modulus();
  expect_refused(with("n", base64url(n)), Code::jwk_weak);
  EXPECT_EQ(PublicKey::from_rsa(n, Bytes{1, 0, 1}, Algorithm::ps256).error().code, Code::jwk_weak);
  // The next odd ones are 3 and 5 modulo 11, which no power of 65537 is.
  for (int i = 0; i < 2; ++i) {
    n.back() = static_cast<std::uint8_t>(n.back() + 2);
    EXPECT_TRUE(PublicKey::from_jwk(with("n", base64url(n))));
  }
}

// A modulus that has the structure modulo all of the primes but one has it not.
TEST(RsaKey, OfTheFlawedMakeIsOneByEachOfThePrimes) {
  constexpr std::array<unsigned long, 17> primes{11, 13, 17,  19,  37,  53,  61,  71, 73,
                                                 79, 97, 103, 107, 109, 127, 151, 157};
  using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
  for (const unsigned long prime : primes) {
    const Number step(BN_new(), &BN_free);  // Of all other primes, and even.
    BN_set_word(step.get(), 2);
    for (const unsigned long other : primes) {
      if (other != prime) BN_mul_word(step.get(), other);
    }
    Bytes octets = test::roca_modulus();
    const Number n(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr), &BN_free);
    unsigned sound = 0;
    for (unsigned long i = 0; i < prime; ++i) {
      BN_add(n.get(), n.get(), step.get());
      ASSERT_GT(BN_bn2binpad(n.get(), octets.data(), static_cast<int>(octets.size())), 0);
      sound += has_roca_structure(octets) ? 0 : 1;
    }
    EXPECT_GT(sound, 0U) << prime;
    EXPECT_LT(sound, prime) << prime;
  }
}

TEST(RsaKey, OfTheShortestAndTheLongestModulusIsTaken) {
  for (const std::size_t octets : {256U, 1024U}) {
    Bytes n(octets, 0xFF);
    n.front() = 0x80;
    EXPECT_TRUE(PublicKey::from_jwk(with("n", base64url(n)))) << octets;
  }
}

TEST(RsaKey, WithALongerModulusThanWeVerifyIsRefused) {
  Bytes n(1025, 0xFF);
  n.front() = 1;  // 8193 bits.
  expect_refused(with("n", base64url(n)), Code::jwk_unsupported);
}

TEST(RsaKey, WithAnEvenModulusIsWeak) {
  Bytes n = modulus();
  n.back() &= 0xFEU;
  expect_refused(with("n", base64url(n)), Code::jwk_weak);
}

TEST(RsaKey, WithABadExponentIsWeak) {
  for (const Bytes& e : {Bytes{1}, Bytes{2}, Bytes{4}, Bytes{1, 0}, Bytes{1, 0, 0, 0, 1}})
    expect_refused(with("e", base64url(e)), Code::jwk_weak);
  EXPECT_EQ(PublicKey::from_rsa(modulus(), Bytes{0}, Algorithm::rs256).error().code,
            Code::jwk_weak);
  EXPECT_EQ(PublicKey::from_rsa(modulus(), Bytes{}, Algorithm::rs256).error().code, Code::jwk_weak);
  EXPECT_EQ(PublicKey::from_rsa(Bytes{}, Bytes{3}, Algorithm::rs256).error().code, Code::jwk_weak);
}

TEST(RsaKey, WithTheLeastAndTheGreatestExponentIsTaken) {
  for (const Bytes& e : {Bytes{3}, Bytes{0xFF, 0xFF, 0xFF, 0xFF}})
    EXPECT_TRUE(PublicKey::from_jwk(with("e", base64url(e))));
}

TEST(RsaKey, WithANumberThatIsNotCanonicalIsRefused) {
  Bytes padded{0};
  const Bytes n = modulus();
  padded.insert(padded.end(), n.begin(), n.end());
  expect_refused(with("n", base64url(padded)), Code::jwk_malformed);
  expect_refused(with("e", base64url(Bytes{0, 1, 0, 1})), Code::jwk_malformed);
  for (const char* name : {"n", "e"}) {
    expect_refused(without(name), Code::jwk_malformed);
    expect_refused(with(name, 65537), Code::jwk_malformed);
    expect_refused(with(name, ""), Code::jwk_malformed);
    expect_refused(with(name, "AQAB="), Code::jwk_malformed);
  }
}

TEST(RsaKey, ThatIsPrivateOrForEncryptionIsRefused) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "oth"})
    expect_refused(with(name, "AQ"), Code::jwk_private);
  expect_refused(with("use", "enc"), Code::jwk_unsupported);
  expect_refused(with("key_ops", Json::array({"encrypt"})), Code::jwk_unsupported);
}

TEST(RsaKey, CalledAnEcOrOctKeyIsRefused) {
  expect_refused(with("kty", "EC"), Code::jwk_unsupported);
  Json as_point = with("kty", "EC");
  as_point["crv"] = "P-256";
  as_point.erase("alg");
  as_point["x"] = as_point["y"] = as_point["n"];
  expect_refused(as_point, Code::jwk_malformed);
  expect_refused(with("kty", "oct"), Code::jwk_unsupported);
  expect_refused(with("kty", "OKP"), Code::jwk_unsupported);
}

TEST(RsaSignature, OfTheOtherPaddingIsRefused) {
  // One modulus under both names: what PKCS#1 signed is no PSS signature, and the other way round.
  const auto as_pss = PublicKey::from_jwk(with("alg", "PS256")).value();
  EXPECT_FALSE(as_pss.verify(as_bytes(message), pkcs1().sign(as_bytes(message))));
  Json jwk = pss().public_key().to_jwk();
  jwk["alg"] = "RS256";
  const auto as_pkcs1 = PublicKey::from_jwk(jwk).value();
  EXPECT_FALSE(as_pkcs1.verify(as_bytes(message), pss().sign(as_bytes(message))));
}

TEST(RsaSignature, ByTheOtherAlgorithmsHeaderIsRefused) {
  const auto judge = [](const SoftKey& key, const char* alg) {
    auto jws = UnverifiedJws::parse(key.sign_jws({{"alg", alg}}, Json::object())).value();
    return std::move(jws).verify(key.public_key());
  };
  EXPECT_TRUE(judge(pkcs1(), "RS256"));
  EXPECT_TRUE(judge(pss(), "PS256"));
  for (const char* alg : {"none", "PS256", "RS384", "RS512", "HS256", "ES256", "EdDSA", "rs256"})
    EXPECT_EQ(judge(pkcs1(), alg).error().code, Code::jws_alg_refused) << alg;
  for (const char* alg : {"none", "RS256", "PS384", "HS256", "Ed25519"})
    EXPECT_EQ(judge(pss(), alg).error().code, Code::jws_alg_refused) << alg;
}

}  // namespace
}  // namespace mintmark::jose
