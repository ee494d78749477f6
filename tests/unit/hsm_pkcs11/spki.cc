// Public keys as tokens show them, judged against what OpenSSL makes of the same key.
#include "hsm/pkcs11/spki.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

namespace mintmark::hsm::pkcs11 {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

const Bytes p256{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
const Bytes ed25519_oid{0x06, 0x03, 0x2b, 0x65, 0x70};

Key new_p256() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

Bytes spki_of(const Key& key) {
  unsigned char* encoded = nullptr;
  const int size = i2d_PUBKEY(key.get(), &encoded);
  Bytes der(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

Bytes point_of(const Key& key) {
  Bytes point(65);
  std::size_t size = 0;
  EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                  &size);
  point.resize(size);
  return point;
}

Bytes wrapped(const Bytes& content) {
  Bytes octets(2 + content.size());
  octets[0] = 0x04;
  octets[1] = static_cast<std::uint8_t>(content.size());
  std::copy(content.begin(), content.end(), octets.begin() + 2);
  return octets;
}

TEST(PublicKeyFacts, PointInItsOctetStringAndBareAreTheSameKey) {
  const Key key = new_p256();
  for (const Bytes& point : {wrapped(point_of(key)), point_of(key)}) {
    const PublicKeyFacts facts = ec_facts(p256, point);
    EXPECT_EQ(facts.curve, "P-256");
    EXPECT_EQ(facts.bits, 256U);
    EXPECT_EQ(facts.spki, spki_of(key));
  }
}

TEST(PublicKeyFacts, BarePointThatLooksLikeAnOctetStringIsAPoint) {
  // 04 3f …: 63 octets follow, as of an OCTET STRING of that length.
  Key key = new_p256();
  for (int tries = 0; tries < 100'000 && point_of(key)[1] != 0x3f; ++tries) key = new_p256();
  ASSERT_EQ(point_of(key)[1], 0x3f);
  EXPECT_EQ(ec_facts(p256, point_of(key)).spki, spki_of(key));
}

TEST(PublicKeyFacts, Ed25519HasItsNameByOidAndByString) {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
  Bytes point(32);
  std::size_t size = point.size();
  EVP_PKEY_get_raw_public_key(key.get(), point.data(), &size);
  const Bytes name =
      to_bytes(as_bytes("\x13\x0c"
                        "edwards25519"));
  for (const Bytes& params : {ed25519_oid, name}) {
    const PublicKeyFacts facts = ec_facts(params, wrapped(point));
    EXPECT_EQ(facts.curve, "Ed25519");
    EXPECT_EQ(facts.spki, spki_of(key));
  }
}

struct NamedCurve {
  const char* name;
  std::size_t point;  ///< Octets.
  const char* curve;
  unsigned bits;
};

// PKCS#11 v3.0 §6.3.5: a PrintableString.
TEST(PublicKeyFacts, EdwardsAndMontgomeryCurvesAreKnownByTheirNames) {
  for (const NamedCurve& one :
       {NamedCurve{"edwards25519", 32, "Ed25519", 255}, NamedCurve{"edwards448", 57, "Ed448", 448},
        NamedCurve{"curve25519", 32, "X25519", 255}, NamedCurve{"curve448", 56, "X448", 448},
        NamedCurve{"curve9", 32, "", 0}, NamedCurve{"", 32, "", 0}}) {
    const std::string name = one.name;
    std::string params{0x13, static_cast<char>(name.size())};
    params += name;
    const PublicKeyFacts facts = ec_facts(as_bytes(params), Bytes(one.point, 0x01));
    EXPECT_EQ(facts.curve, one.curve) << name;
    EXPECT_EQ(facts.bits, one.bits) << name;
    EXPECT_EQ(facts.spki.empty(), one.bits == 0) << name;
    params += "x";
    EXPECT_EQ(ec_facts(as_bytes(params), Bytes(one.point, 0x01)).curve, "") << "its length lies";
    params[0] = 0x0C;
    EXPECT_EQ(ec_facts(as_bytes(params), {}).curve, "") << "another string";
  }
}

TEST(PublicKeyFacts, CurveWithoutPointHasNoKey) {
  const PublicKeyFacts facts = ec_facts(p256, {});
  EXPECT_EQ(facts.curve, "P-256");
  EXPECT_TRUE(facts.spki.empty());
}

TEST(PublicKeyFacts, GarbageIsNoKey) {
  const Bytes garbage(65, 0xee);
  EXPECT_TRUE(ec_facts(p256, garbage).spki.empty());
  EXPECT_TRUE(ec_facts(p256, wrapped(garbage)).spki.empty());
  EXPECT_EQ(ec_facts(garbage, garbage).curve, "");
  EXPECT_TRUE(ec_facts(garbage, garbage).spki.empty());
  EXPECT_EQ(ec_facts({}, {}).bits, 0U);
  EXPECT_EQ(rsa_facts({}, {}).bits, 0U);
}

TEST(PublicKeyFacts, RsaHasItsModulusLength) {
  const Key key(EVP_RSA_gen(1024), &EVP_PKEY_free);
  BIGNUM* n = nullptr;
  EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &n);
  Bytes modulus(static_cast<std::size_t>(BN_num_bytes(n)));
  BN_bn2bin(n, modulus.data());
  BN_free(n);
  const Bytes exponent{0x01, 0x00, 0x01};
  const PublicKeyFacts facts = rsa_facts(modulus, exponent);
  EXPECT_EQ(facts.bits, 1024U);
  EXPECT_EQ(facts.spki, spki_of(key));
  EXPECT_TRUE(rsa_facts(modulus, {}).spki.empty());
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
