// AK and device key by their attributes: each broken alone.
#include <gtest/gtest.h>

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
  EXPECT_EQ(candidate->ek_spki(), tpm.ek_spki());
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
}

}  // namespace
}  // namespace mintmark::attest::tpm2
