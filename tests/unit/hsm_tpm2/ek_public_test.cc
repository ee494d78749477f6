// An EK certificate's key against the TPM's own.
#include "hsm/tpm2/ek_public.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>

#include "hsm/tpm2/templates.h"
#include "support/issued_certificate.h"
#include "support/owned_openssl.h"

namespace mintmark::hsm::tpm2 {
namespace {

template <typename Tpm2b>
void put(Tpm2b& to, EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(key, name, &raw), 1) << name;
  const test::Owned<BIGNUM> number(raw);
  to.size = static_cast<UINT16>(BN_bn2bin(number.get(), to.buffer));
}

TPMT_PUBLIC rsa_area(EVP_PKEY* key) {
  TPMT_PUBLIC area = ek_template_of(0x01C00002)->area.publicArea;
  put(area.unique.rsa, key, OSSL_PKEY_PARAM_RSA_N);
  return area;
}

TPMT_PUBLIC ecc_area(EVP_PKEY* key, std::uint32_t nv_index) {
  TPMT_PUBLIC area = ek_template_of(nv_index)->area.publicArea;
  put(area.unique.ecc.x, key, OSSL_PKEY_PARAM_EC_PUB_X);
  put(area.unique.ecc.y, key, OSSL_PKEY_PARAM_EC_PUB_Y);
  return area;
}

Bytes certificate_of(const test::Pair& key) {
  static const test::Pair authority = test::new_pair("P-256");
  return test::der_of(test::issue({.key = key}, {.key = authority}).get());
}

void expect_other(BytesView certificate, const TPMT_PUBLIC& area, const char* what) {
  const auto same = same_key(certificate, area);
  ASSERT_FALSE(same) << what;
  EXPECT_EQ(same.error().code, Code::tpm_ek_mismatch) << what;
}

constexpr std::uint32_t p256_at = 0x01C0000A;
constexpr std::uint32_t p384_at = 0x01C00016;

TEST(EkPublic, IsTheCertifiedOneOfEachKind) {
  const test::Pair rsa = test::new_pair("RSA");
  EXPECT_TRUE(same_key(certificate_of(rsa), rsa_area(rsa.get())));
  const test::Pair p256 = test::new_pair("P-256");
  EXPECT_TRUE(same_key(certificate_of(p256), ecc_area(p256.get(), p256_at)));
  const test::Pair p384 = test::new_pair("P-384");
  EXPECT_TRUE(same_key(certificate_of(p384), ecc_area(p384.get(), p384_at)));
}

// TPM 2.0 Part 2, 12.2.3.5: 0 is 65537.
TEST(EkPublic, OfRsaHasItsExponent) {
  const test::Pair rsa = test::new_pair("RSA");
  TPMT_PUBLIC area = rsa_area(rsa.get());
  area.parameters.rsaDetail.exponent = 65537;
  EXPECT_TRUE(same_key(certificate_of(rsa), area));
  area.parameters.rsaDetail.exponent = 3;
  expect_other(certificate_of(rsa), area, "an exponent of 3");
}

TEST(EkPublic, OfOtherNumbersIsAnother) {
  const test::Pair rsa = test::new_pair("RSA");
  TPMT_PUBLIC area = rsa_area(rsa.get());
  area.unique.rsa.buffer[100] ^= 1U;
  expect_other(certificate_of(rsa), area, "another modulus");
  const test::Pair p256 = test::new_pair("P-256");
  for (const bool of_x : {true, false}) {
    area = ecc_area(p256.get(), p256_at);
    (of_x ? area.unique.ecc.x : area.unique.ecc.y).buffer[7] ^= 1U;
    expect_other(certificate_of(p256), area, of_x ? "another x" : "another y");
  }
}

TEST(EkPublic, OfAnotherKindIsAnother) {
  const test::Pair rsa = test::new_pair("RSA");
  const test::Pair p256 = test::new_pair("P-256");
  const test::Pair p384 = test::new_pair("P-384");
  const test::Pair edwards = test::new_pair("ED25519");
  expect_other(certificate_of(rsa), ecc_area(p256.get(), p256_at), "ECC for RSA");
  expect_other(certificate_of(p256), rsa_area(rsa.get()), "RSA for ECC");
  expect_other(certificate_of(edwards), ecc_area(p256.get(), p256_at), "ECC for Ed25519");
  expect_other(certificate_of(p384), ecc_area(p384.get(), p256_at), "P-256 for P-384");
  expect_other(certificate_of(p256), ecc_area(p256.get(), p384_at), "P-384 for P-256");
  TPMT_PUBLIC hash = rsa_area(rsa.get());
  hash.type = TPM2_ALG_KEYEDHASH;
  expect_other(certificate_of(rsa), hash, "no key pair at all");
}

TEST(EkPublic, OfNoCertificateIsNone) {
  const test::Pair p256 = test::new_pair("P-256");
  const Bytes whole = certificate_of(p256);
  const TPMT_PUBLIC area = ecc_area(p256.get(), p256_at);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1})
    expect_other(BytesView(whole).first(size), area, "a part");
  expect_other(Bytes(300, 0xFF), area, "padding alone");
}

TEST(DerLength, IsThatOfTheFirstSequence) {
  struct Case {
    Bytes octets;
    std::size_t length;
  };
  for (const Case& one : {Case{{}, 0},
                          {{0x30}, 0},
                          {{0x31, 0x00}, 0},
                          {{0xFF, 0xFF, 0xFF}, 0},
                          {{0x30, 0x00}, 2},
                          {{0x30, 0x7F}, 129},  // It need not be there.
                          {{0x30, 0x80}, 0},    // Indefinite: no DER.
                          {{0x30, 0x81}, 0},
                          {{0x30, 0x81, 0x80}, 131},
                          {{0x30, 0x82, 0x01}, 0},
                          {{0x30, 0x82, 0x01, 0x02}, 262},
                          {{0x30, 0x83, 0x01, 0x00, 0x00}, 65541},
                          {{0x30, 0x84, 0x00, 0x00, 0x00, 0x01}, 0}})
    EXPECT_EQ(der_length(one.octets), one.length) << to_hex(one.octets);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
