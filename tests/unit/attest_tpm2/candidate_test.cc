// AK and device key by their attributes: each broken alone.
#include <gtest/gtest.h>

#include "support/roca_modulus.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

const Moment now = from_unix(1'800'000'000);

class CandidateTest : public ::testing::Test {
 protected:
  Code refusal() {
    const auto candidate = check_candidate(tpm.presented(), trust, now);
    EXPECT_FALSE(candidate);
    return candidate ? Code::internal : candidate.error().code;
  }
  test::TestAuthority authority;
  EkTrust trust = authority.trust();
  test::TestTpm tpm{authority};
};

TEST_F(CandidateTest, WithAllAttributesRightIsTakenAndItsNamesAreComputedHere) {
  const auto candidate = check_candidate(tpm.presented(), trust, now);
  ASSERT_TRUE(candidate) << candidate.error().to_string();
  EXPECT_EQ(candidate->ak_name(), tpm.ak_name());
  EXPECT_EQ(candidate->device_name(), tpm.device_name());
  EXPECT_EQ(candidate->device_key(), tpm.device_key().public_key());
  EXPECT_EQ(candidate->spki(), tpm.ek_spki());
}

struct Flip {
  bool of_ak;
  TPMA_OBJECT bit;
  Code code;
};

TEST_F(CandidateTest, WithAnyOneAttributeWrongIsRefusedForJustThat) {
  for (const Flip& flip :
       {Flip{true, TPMA_OBJECT_RESTRICTED, Code::ak_not_restricted},
        Flip{true, TPMA_OBJECT_SIGN_ENCRYPT, Code::ak_not_signing},
        Flip{true, TPMA_OBJECT_DECRYPT, Code::ak_decrypts},
        Flip{true, TPMA_OBJECT_FIXEDTPM, Code::ak_not_fixed_tpm},
        Flip{true, TPMA_OBJECT_FIXEDPARENT, Code::ak_not_fixed_parent},
        Flip{true, TPMA_OBJECT_SENSITIVEDATAORIGIN, Code::ak_imported},
        Flip{false, TPMA_OBJECT_SIGN_ENCRYPT, Code::device_key_not_signing},
        Flip{false, TPMA_OBJECT_RESTRICTED, Code::device_key_restricted},
        Flip{false, TPMA_OBJECT_DECRYPT, Code::device_key_decrypts},
        Flip{false, TPMA_OBJECT_FIXEDTPM, Code::device_key_not_fixed_tpm},
        Flip{false, TPMA_OBJECT_FIXEDPARENT, Code::device_key_not_fixed_parent},
        Flip{false, TPMA_OBJECT_SENSITIVEDATAORIGIN, Code::device_key_imported}}) {
    TPMT_PUBLIC& area = flip.of_ak ? tpm.ak : tpm.device;
    area.objectAttributes ^= flip.bit;
    EXPECT_EQ(refusal(), flip.code);
    area.objectAttributes ^= flip.bit;
  }
}

TEST_F(CandidateTest, WhoseAkSignsWithSha1OrWithoutASchemeIsRefused) {
  tpm.ak.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA1;
  EXPECT_EQ(refusal(), Code::ak_scheme);
  tpm.ak.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
  EXPECT_EQ(refusal(), Code::ak_scheme);
}

TEST_F(CandidateTest, WhoseAkIsOnAnotherCurveIsRefused) {
  tpm.ak.parameters.eccDetail.curveID = TPM2_ECC_NIST_P521;
  EXPECT_EQ(refusal(), Code::ak_type);
}

TEST_F(CandidateTest, WhoseAkSignsWithAHashThatIsNotItsCurvesIsRefused) {
  tpm.ak.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA384;
  EXPECT_EQ(refusal(), Code::ak_scheme);
}

TEST_F(CandidateTest, WhoseAkIsOffTheCurveIsRefused) {
  tpm.ak.unique.ecc.y.buffer[31] ^= 1U;
  EXPECT_EQ(refusal(), Code::key_off_curve);
}

TEST_F(CandidateTest, WhoseAkIsNoAsymmetricKeyIsRefused) {
  tpm.ak.type = TPM2_ALG_KEYEDHASH;
  tpm.ak.parameters = {};
  tpm.ak.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
  tpm.ak.unique = {};
  EXPECT_EQ(refusal(), Code::ak_type);
}

class RsaAk : public CandidateTest {
 protected:
  RsaAk() {
    tpm.ak.type = TPM2_ALG_RSA;
    tpm.ak.parameters = {};
    TPMS_RSA_PARMS& rsa = tpm.ak.parameters.rsaDetail;
    rsa.symmetric.algorithm = TPM2_ALG_NULL;
    rsa.scheme.scheme = TPM2_ALG_RSASSA;
    rsa.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
    tpm.ak.unique = {};
    set_bits(2048);
  }
  void set_bits(UINT16 bits) {
    tpm.ak.parameters.rsaDetail.keyBits = bits;
    tpm.ak.unique.rsa.size = bits / 8;
    tpm.ak.unique.rsa.buffer[0] = 0x80;
    tpm.ak.unique.rsa.buffer[bits / 8 - 1] = 0x01;
  }
};

TEST_F(RsaAk, OfTwoToFourThousandBitsIsTaken) {
  for (const UINT16 bits : {UINT16{2048}, UINT16{3072}, UINT16{4096}}) {
    set_bits(bits);
    const auto candidate = check_candidate(tpm.presented(), trust, now);
    EXPECT_TRUE(candidate) << candidate.error().to_string();
  }
}

TEST_F(RsaAk, OfFewerBitsOrOfAModulusOfAnotherSizeIsRefused) {
  set_bits(1024);
  EXPECT_EQ(refusal(), Code::ak_type);
  set_bits(2048);
  tpm.ak.unique.rsa.size = 255;
  EXPECT_EQ(refusal(), Code::ak_type);
  set_bits(2048);
  tpm.ak.unique.rsa.buffer[0] = 0x7F;
  EXPECT_EQ(refusal(), Code::ak_type) << "a bit less than it says";
}

TEST_F(RsaAk, OfTheFlawedMakeOfRocaIsRefused) {
  const Bytes modulus = test::roca_modulus();
  std::copy(modulus.begin(), modulus.end(), tpm.ak.unique.rsa.buffer);
  EXPECT_EQ(refusal(), Code::jwk_weak);
  tpm.ak.unique.rsa.buffer[modulus.size() - 1] ^= 2U;
  EXPECT_TRUE(check_candidate(tpm.presented(), trust, now));
}

// With exponent 1 every padded message is its own signature.
TEST_F(RsaAk, OfAnotherExponentIsRefused) {
  for (const UINT32 exponent : {1U, 2U, 3U, 65535U, 65539U, 0xFFFFFFFFU}) {
    tpm.ak.parameters.rsaDetail.exponent = exponent;
    EXPECT_EQ(refusal(), Code::ak_type) << exponent;
  }
  tpm.ak.parameters.rsaDetail.exponent = 65537;
  EXPECT_TRUE(check_candidate(tpm.presented(), trust, now));
}

TEST_F(RsaAk, WithSha1OrWithoutASigningSchemeIsRefused) {
  TPMT_RSA_SCHEME& scheme = tpm.ak.parameters.rsaDetail.scheme;
  scheme.details.rsassa.hashAlg = TPM2_ALG_SHA1;
  EXPECT_EQ(refusal(), Code::ak_scheme);
  scheme.scheme = TPM2_ALG_RSAPSS;
  EXPECT_EQ(refusal(), Code::ak_scheme);
  scheme.details.rsapss.hashAlg = TPM2_ALG_SHA384;
  EXPECT_TRUE(check_candidate(tpm.presented(), trust, now));
  scheme.scheme = TPM2_ALG_NULL;
  EXPECT_EQ(refusal(), Code::ak_scheme);
  scheme.scheme = TPM2_ALG_RSAES;
  EXPECT_EQ(refusal(), Code::ak_scheme);
}

TEST_F(CandidateTest, WhoseDeviceKeyIsAnRsaKeyIsRefused) {
  tpm.device.type = TPM2_ALG_RSA;
  tpm.device.parameters = {};
  tpm.device.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
  tpm.device.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
  tpm.device.parameters.rsaDetail.keyBits = 2048;
  tpm.device.unique = {};
  tpm.device.unique.rsa.size = 256;
  EXPECT_EQ(refusal(), Code::device_key_type);
}

// What any changed bit leaves is refused, or is another key under another name, which no credential
// for the first one opens.
TEST_F(CandidateTest, WithAnyBitOfItsAkChangedIsRefusedOrHasAnotherName) {
  const Presented good = tpm.presented();
  const auto first = check_candidate(good, trust, now);
  ASSERT_TRUE(first);
  for (std::size_t bit = 0; bit < good.ak_public.size() * 8; ++bit) {
    Presented bad = good;
    bad.ak_public[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const auto candidate = check_candidate(bad, trust, now);
    if (!candidate) continue;
    EXPECT_NE(candidate->ak_name(), first->ak_name()) << bit;
    EXPECT_NE(candidate->hash(), first->hash()) << bit;
  }
}

TEST_F(CandidateTest, WhoseDeviceKeyIsNotOnP256IsRefused) {
  tpm.device.parameters.eccDetail.curveID = TPM2_ECC_NIST_P384;
  EXPECT_EQ(refusal(), Code::device_key_type);
}

TEST_F(CandidateTest, WhoseDeviceKeyHasAnotherSchemeIsRefused) {
  tpm.device.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
  tpm.device.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA1;
  EXPECT_EQ(refusal(), Code::device_key_type);
}

TEST_F(CandidateTest, WhoseDeviceKeyIsOffTheCurveIsRefused) {
  tpm.device.unique.ecc.y.buffer[31] ^= 1U;
  EXPECT_EQ(refusal(), Code::key_off_curve);
}

TEST_F(CandidateTest, WithANameAlgorithmOfSha1IsRefused) {
  tpm.ak.nameAlg = TPM2_ALG_SHA1;
  EXPECT_EQ(refusal(), Code::tpm_structure);
}

TEST_F(CandidateTest, HasAnotherHashForAnyOtherThingPresented) {
  const auto first = check_candidate(tpm.presented(), trust, now);
  ASSERT_TRUE(first);
  Presented other = tpm.presented();
  other.ek_chain.push_back(authority.intermediate_der());
  const auto second = check_candidate(other, trust, now);
  ASSERT_TRUE(second);
  EXPECT_NE(first->hash(), second->hash());
  const test::TestTpm another(authority);
  for (Bytes Presented::*const part :
       {&Presented::ek_certificate, &Presented::ak_public, &Presented::device_public}) {
    other = tpm.presented();
    other.*part = another.presented().*part;
    const auto exchanged = check_candidate(other, trust, now);
    ASSERT_TRUE(exchanged);
    EXPECT_NE(first->hash(), exchanged->hash());
  }
}

}  // namespace
}  // namespace mintmark::attest::tpm2
