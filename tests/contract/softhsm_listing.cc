// What list_objects says of everything that can stand in a token, on a real module.
#include <gtest/gtest.h>

#include "hsm/pkcs11/object_listing.h"
#include "hsm/pkcs11/objects.h"
#include "support/softhsm.h"
#include "support/token_objects.h"

namespace mintmark::test {
namespace {

using hsm::pkcs11::ObjectFacts;
using hsm::pkcs11::Template;
using Class = ObjectFacts::Class;

const Bytes p256 = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
/// Its generator (SEC 2 §2.4.2), in its OCTET STRING.
const Bytes p256_point =
    from_hex(
        "0441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
        .value();
const Bytes secp256k1 = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a};
const Bytes x25519 = {0x06, 0x03, 0x2b, 0x65, 0x6e};
const Bytes ed448 = {0x06, 0x03, 0x2b, 0x65, 0x71};
const Bytes octets_32(32, 0x09);
const Bytes no_curve = {0x30, 0x00};

class SoftHsmListing : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<ObjectFacts> listed() const {
    auto objects = hsm::pkcs11::list_objects(
        SoftHsm::module(), hsm::pkcs11::parse_token_selector(SoftHsm::label()).value(),
        Secret(SoftHsm::pin()));
    if (!objects) throw std::runtime_error(objects.error().to_string());
    return std::move(*objects);
  }
  [[nodiscard]] ObjectFacts the_only_one() const {
    auto all = listed();
    if (all.size() != 1) throw std::runtime_error(std::to_string(all.size()) + " objects");
    return std::move(all.front());
  }
  static void create(Template& wanted) {
    wanted.flag(CKA_TOKEN, true);
    TokenObjects(SoftHsm::module(), SoftHsm::pin())
        .create({wanted.data(), wanted.data() + wanted.size()});
  }

  SoftHsm token_;
};

struct Odd {
  const char* name;
  CK_OBJECT_CLASS object_class;
  std::optional<CK_KEY_TYPE> key_type;
  std::vector<std::pair<CK_ATTRIBUTE_TYPE, Bytes>> octets;
  // What is said of it.
  Class as;
  const char* class_name;
  const char* type_name;
  const char* curve;
  unsigned bits;
  bool shows_a_key;
};
void PrintTo(const Odd& odd, std::ostream* out) { *out << odd.name; }

class OddObject : public SoftHsmListing, public ::testing::WithParamInterface<Odd> {};

TEST_P(OddObject, IsListedAsWhatItIs) {
  const Odd& odd = GetParam();
  Template wanted;
  wanted.number(CKA_CLASS, odd.object_class);
  if (odd.key_type) wanted.number(CKA_KEY_TYPE, *odd.key_type);
  for (const auto& [type, value] : odd.octets) wanted.octets(type, value);
  create(wanted);
  const ObjectFacts facts = the_only_one();
  EXPECT_EQ(facts.object_class, odd.as);
  EXPECT_EQ(facts.class_name, odd.class_name);
  EXPECT_EQ(facts.key_type, odd.type_name);
  EXPECT_EQ(facts.curve, odd.curve);
  EXPECT_EQ(facts.bits, odd.bits);
  EXPECT_EQ(!facts.public_key.empty(), odd.shows_a_key);
  EXPECT_EQ(facts.label, "");
  EXPECT_TRUE(facts.id.empty());
  EXPECT_FALSE(facts.ours);
  ASSERT_FALSE(facts.attributes.empty());
  EXPECT_EQ(facts.attributes.front(), (std::pair<std::string, bool>{"CKA_TOKEN", true}));
}

using Octets = std::vector<std::pair<CK_ATTRIBUTE_TYPE, Bytes>>;

Octets ec_public(const Bytes& params, const Bytes& point) {
  return {{CKA_EC_PARAMS, params}, {CKA_EC_POINT, point}};
}
Octets dsa_public() {
  return {{CKA_PRIME, octets_32},
          {CKA_SUBPRIME, octets_32},
          {CKA_BASE, octets_32},
          {CKA_VALUE, octets_32}};
}

INSTANTIATE_TEST_SUITE_P(
    Table, OddObject,
    ::testing::Values(
        Odd{"Data", CKO_DATA, {}, {{CKA_VALUE, octets_32}}, Class::other, "data", "", "", 0, false},
        Odd{"Aes",
            CKO_SECRET_KEY,
            CKK_AES,
            {{CKA_VALUE, octets_32}},
            Class::secret_key,
            "secret key",
            "AES",
            "",
            256,
            false},
        Odd{"GenericSecret",
            CKO_SECRET_KEY,
            CKK_GENERIC_SECRET,
            {{CKA_VALUE, octets_32}},
            Class::secret_key,
            "secret key",
            "generic secret",
            "",
            256,
            false},
        Odd{"TripleDes",
            CKO_SECRET_KEY,
            CKK_DES3,
            {{CKA_VALUE, Bytes(24, 0x01)}},
            Class::secret_key,
            "secret key",
            "CKK 0x15",
            "",
            0,
            false},
        Odd{"Dsa", CKO_PUBLIC_KEY, CKK_DSA, dsa_public(), Class::public_key, "public key", "DSA",
            "", 0, false},
        Odd{"P256", CKO_PUBLIC_KEY, CKK_EC, ec_public(p256, p256_point), Class::public_key,
            "public key", "EC", "P-256", 256, true},
        Odd{"P256WithAPointOffIt", CKO_PUBLIC_KEY, CKK_EC, ec_public(p256, octets_32),
            Class::public_key, "public key", "EC", "P-256", 256, false},
        Odd{"Secp256k1", CKO_PUBLIC_KEY, CKK_EC, ec_public(secp256k1, octets_32), Class::public_key,
            "public key", "EC", "secp256k1", 256, false},
        Odd{"EcOfNoCurve", CKO_PUBLIC_KEY, CKK_EC, ec_public(no_curve, p256_point),
            Class::public_key, "public key", "EC", "", 0, false},
        Odd{"X25519", CKO_PUBLIC_KEY, CKK_EC_EDWARDS, ec_public(x25519, octets_32),
            Class::public_key, "public key", "X25519", "X25519", 255, true},
        Odd{"Ed448WithAShortPoint", CKO_PUBLIC_KEY, CKK_EC_EDWARDS, ec_public(ed448, octets_32),
            Class::public_key, "public key", "Ed448", "Ed448", 448, false},
        Odd{"EdwardsOfNoCurve", CKO_PUBLIC_KEY, CKK_EC_EDWARDS, ec_public(no_curve, octets_32),
            Class::public_key, "public key", "CKK 0x40", "", 0, false},
        Odd{"Rsa",
            CKO_PUBLIC_KEY,
            CKK_RSA,
            {{CKA_MODULUS, Bytes(128, 0xC1)}, {CKA_PUBLIC_EXPONENT, {0x01, 0x00, 0x01}}},
            Class::public_key,
            "public key",
            "RSA",
            "",
            1024,
            true},
        Odd{"RsaWithoutAnExponent",
            CKO_PUBLIC_KEY,
            CKK_RSA,
            {{CKA_MODULUS, Bytes(128, 0xC1)}, {CKA_PUBLIC_EXPONENT, {}}},
            Class::public_key,
            "public key",
            "RSA",
            "",
            1024,
            false},
        Odd{"DomainParameters",
            CKO_DOMAIN_PARAMETERS,
            CKK_DSA,
            {{CKA_PRIME, octets_32}, {CKA_SUBPRIME, octets_32}, {CKA_BASE, octets_32}},
            Class::other,
            "domain parameters",
            "",
            "",
            0,
            false}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(SoftHsmListing, ACertificateIsNoKey) {
  TokenObjects(SoftHsm::module(), SoftHsm::pin()).certificate({0x01}, {0x30, 0x00});
  const ObjectFacts facts = the_only_one();
  EXPECT_EQ(facts.object_class, Class::certificate);
  EXPECT_EQ(facts.id, Bytes{0x01});
  EXPECT_EQ(facts.key_type, "");
}

// A private EC key shows no point: who has its id and its type lends his.
TEST_F(SoftHsmListing, APrivateKeyIsShownWithThePublicHalfOfItsIdAndTypeAlone) {
  {
    TokenObjects objects(SoftHsm::module(), SoftHsm::pin());
    objects.import_generator({0x01}, "whole");
    objects.import_generator({0x02}, "half");
    objects.destroy(CKO_PUBLIC_KEY, {0x02});
    objects.import_generator({}, "without an id");
  }
  Template of_another_type;
  of_another_type.number(CKA_CLASS, CKO_PUBLIC_KEY).number(CKA_KEY_TYPE, CKK_EC_EDWARDS);
  of_another_type.octets(CKA_ID, Bytes{0x02}).octets(CKA_EC_PARAMS, x25519);
  of_another_type.octets(CKA_EC_POINT, octets_32);
  create(of_another_type);
  std::size_t privates = 0;
  for (const ObjectFacts& one : listed()) {
    if (one.object_class != Class::private_key) continue;
    ++privates;
    EXPECT_EQ(!one.public_key.empty(), one.label == "whole") << one.label;
  }
  EXPECT_EQ(privates, 3U);
}

TEST_F(SoftHsmListing, OfATokenThatIsNotThereNamesThoseThatAre) {
  const auto listed = hsm::pkcs11::list_objects(
      SoftHsm::module(), hsm::pkcs11::parse_token_selector("another").value(),
      Secret(SoftHsm::pin()));
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Code::hsm_token_missing);
  EXPECT_NE(listed.error().detail.find("token=mintmark%20test"), std::string::npos);
}

TEST_F(SoftHsmListing, OfAModuleThatIsNotThereNamesIt) {
  const auto listed = hsm::pkcs11::list_objects("/nowhere.so", {}, Secret(SoftHsm::pin()));
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Code::hsm_module_unusable);
}

}  // namespace
}  // namespace mintmark::test
