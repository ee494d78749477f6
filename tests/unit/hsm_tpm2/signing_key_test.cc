// An issuer's keys: what they are made of, what they demand, and their signatures as a JWS has
// them.
#include "hsm/tpm2/signing_key.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "attest/tpm2/key_evidence.h"
#include "hsm/tpm2/counter.h"
#include "hsm/tpm2/key_policy.h"
#include "support/openssl_pair.h"
#include "support/owned_openssl.h"

namespace mintmark::hsm::tpm2 {
namespace {

using jose::Algorithm;

template <typename Tpm2b>
void put(Tpm2b& to, BytesView octets) {
  to.size = static_cast<UINT16>(octets.size());
  std::copy(octets.begin(), octets.end(), to.buffer);
}

/// The area that a TPM gives of such a key.
TPMT_PUBLIC area_of(EVP_PKEY* pair, Algorithm algorithm) {
  TPMT_PUBLIC area = signing_key_template(algorithm, {})->publicArea;
  const Bytes point = test::public_half(pair, algorithm).to_point();
  if (!point.empty()) {
    const std::size_t field = point.size() / 2;
    put(area.unique.ecc.x, BytesView(point).subspan(1, field));
    put(area.unique.ecc.y, BytesView(point).subspan(1 + field));
    return area;
  }
  BIGNUM* modulus = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
  const test::Owned<BIGNUM> owned(modulus);
  area.unique.rsa.size = static_cast<UINT16>(BN_bn2bin(modulus, area.unique.rsa.buffer));
  return area;
}

TEST(SigningKey, IsReadFromItsAreaForEveryAlgorithmThatATpmKnows) {
  for (const Algorithm algorithm :
       {Algorithm::es256, Algorithm::es384, Algorithm::rs256, Algorithm::ps256}) {
    const auto pair = test::make_openssl_pair(algorithm);
    const auto key = public_key_of(area_of(pair.get(), algorithm), algorithm);
    ASSERT_TRUE(key) << key.error().to_string();
    EXPECT_EQ(*key, test::public_half(pair.get(), algorithm));
  }
}

TEST(SigningKey, OfAnAlgorithmThatNoTpmKnowsHasNoTemplate) {
  const auto area = signing_key_template(Algorithm::ed25519, {});
  ASSERT_FALSE(area);
  EXPECT_EQ(area.error().code, Code::hsm_mechanism_missing);
}

TEST(SigningKey, WithANumberLongerThanItsCurveIsRefused) {
  const auto pair = test::make_openssl_pair(Algorithm::es384);
  const TPMT_PUBLIC area = area_of(pair.get(), Algorithm::es384);
  for (const bool of_x : {true, false}) {
    TPMT_PUBLIC longer = area;
    put(of_x ? longer.unique.ecc.x : longer.unique.ecc.y, Bytes(49, 1));
    const auto key = public_key_of(longer, Algorithm::es384);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::tpm_failed);
  }
}

TEST(SigningKey, SignsADigestOfItsOwnHash) {
  EXPECT_EQ(to_bytes({digest_for(Algorithm::es256, as_bytes("input"))->buffer, 32}),
            to_bytes(sha256("input")));
  EXPECT_EQ(digest_for(Algorithm::rs256, as_bytes("input"))->size, 32);
  EXPECT_EQ(digest_for(Algorithm::es384, as_bytes("input"))->size, 48);
}

TEST(SigningKey, GivesSignaturesWithTheZerosThatATpmLeftOut) {
  TPMT_SIGNATURE signature{};
  signature.sigAlg = TPM2_ALG_ECDSA;
  put(signature.signature.ecdsa.signatureR, Bytes(31, 0xAA));
  put(signature.signature.ecdsa.signatureS, Bytes(1, 0xBB));
  Bytes wanted(64);
  std::fill_n(wanted.begin() + 1, 31, std::uint8_t{0xAA});
  wanted.back() = 0xBB;
  EXPECT_EQ(jws_signature(Algorithm::es256, signature).value(), wanted);
  EXPECT_EQ(jws_signature(Algorithm::es384, signature)->size(), 96U);
}

TEST(SigningKey, GivesRsaSignaturesAsTheyAre) {
  for (const TPMI_ALG_SIG_SCHEME scheme : {TPM2_ALG_RSASSA, TPM2_ALG_RSAPSS}) {
    TPMT_SIGNATURE signature{};
    signature.sigAlg = scheme;
    put(signature.signature.rsassa.sig, Bytes(256, 0xCC));
    EXPECT_EQ(jws_signature(Algorithm::rs256, signature).value(), Bytes(256, 0xCC));
  }
}

TEST(SigningKey, RefusesSignaturesThatAreNone) {
  TPMT_SIGNATURE longer{};
  longer.sigAlg = TPM2_ALG_ECDSA;
  put(longer.signature.ecdsa.signatureR, Bytes(33, 1));
  put(longer.signature.ecdsa.signatureS, Bytes(32, 1));
  TPMT_SIGNATURE other{};
  other.sigAlg = TPM2_ALG_ECDAA;
  for (const TPMT_SIGNATURE& signature : {longer, other}) {
    const auto raw = jws_signature(Algorithm::es256, signature);
    ASSERT_FALSE(raw);
    EXPECT_EQ(raw.error().code, Code::tpm_failed);
  }
}

// The judge of evidence computes it from the standard on his own.
TEST(KeyPolicyDigest, IsTheOneThatEvidenceIsJudgedBy) {
  const Bytes authority(34, 0x0B);
  for (const std::uint64_t value : {std::uint64_t{1}, std::uint64_t{0x0102030405060708}}) {
    const std::uint32_t index = first_counter_index + 7;
    EXPECT_EQ(digest_of({.counter_index = index, .counter_value = value}),
              attest::tpm2::counted_key_policy(index, value));
    EXPECT_EQ(
        digest_of({.counter_index = index, .counter_value = value, .boot_authority = authority}),
        attest::tpm2::counted_key_policy(index, value, authority));
  }
}

TEST(CounterIndex, OfAKeyIsFoundFromItsIdAndStaysInOurRange) {
  KeyId id{};
  id[0] = 0x12;
  id[1] = 0x34;
  EXPECT_EQ(counter_index_for(id, 0), first_counter_index + 0x1234);
  EXPECT_EQ(counter_index_for(id, 5), first_counter_index + 0x1239);
  id[0] = id[1] = 0xFF;
  EXPECT_EQ(counter_index_for(id, 0), first_counter_index + 0xFFFF);
  EXPECT_EQ(counter_index_for(id, 1), first_counter_index);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
