// The EK certificate: each check broken alone, and refused for just that.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "attest/tpm2/ek_profile.h"
#include "support/roca_modulus.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

const Moment now = from_unix(1'800'000'000);

class EndorsementTest : public ::testing::Test {
 protected:
  Code refusal(const test::EkCertificate& certificate, EkKind kind = EkKind::ecc_p256) {
    const test::TestTpm tpm(authority, kind, certificate);
    return refusal_of(tpm.presented().ek_certificate);
  }
  Code refusal_of(const Bytes& der, const std::vector<Bytes>& chain = {}, Moment at = now) {
    const auto checked = check_endorsement(der, chain, trust, at);
    EXPECT_FALSE(checked);
    return checked ? Code::internal : checked.error().code;
  }
  test::TestAuthority authority;
  EkTrust trust = authority.trust();
};

TEST_F(EndorsementTest, OfEveryKindOfEkIsTaken) {
  for (const EkKind kind : {EkKind::rsa2048, EkKind::ecc_p256, EkKind::ecc_p384}) {
    const test::TestTpm tpm(authority, kind);
    const auto checked = check_endorsement(tpm.presented().ek_certificate, {}, trust, now);
    ASSERT_TRUE(checked) << checked.error().to_string();
    EXPECT_EQ(checked->kind, kind);
    EXPECT_EQ(checked->spki, tpm.ek_spki());
    EXPECT_EQ(checked->manufacturer, "id:4D494E54");
    EXPECT_EQ(checked->model, "Test TPM");
    EXPECT_EQ(checked->chain.root_subject, "CN=Test TPM root");
  }
}

TEST_F(EndorsementTest, PaddedAsInNvIsTaken) {
  const test::TestTpm tpm(authority);
  Bytes padded = tpm.presented().ek_certificate;
  padded.insert(padded.end(), 300, 0xFF);
  EXPECT_TRUE(check_endorsement(padded, {}, trust, now));
}

TEST_F(EndorsementTest, WithOtherOctetsBehindItIsRefused) {
  const test::TestTpm tpm(authority);
  Bytes padded = tpm.presented().ek_certificate;
  padded.insert(padded.end(), {0xFF, 0xFF, 0x01});
  EXPECT_EQ(refusal_of(padded), Code::ek_certificate_malformed);
}

TEST_F(EndorsementTest, ThatIsNoCertificateIsRefused) {
  for (const Bytes& bad : {Bytes{}, Bytes{0x30}, Bytes(100, 0x30), Bytes(100'000, 0xFF)}) {
    EXPECT_EQ(refusal_of(bad), Code::ek_certificate_malformed);
  }
}

TEST_F(EndorsementTest, FromAnAuthorityThatNobodyTrustsIsRefusedAndItsIssuerNamed) {
  const test::TestAuthority stranger;
  const test::TestTpm tpm(stranger);
  const auto checked =
      check_endorsement(tpm.presented().ek_certificate, {stranger.intermediate_der()}, trust, now);
  ASSERT_FALSE(checked);
  // The stranger's CAs have the same names as ours: their keys' identifiers tell them apart.
  EXPECT_EQ(checked.error().code, Code::ek_untrusted_root) << checked.error().to_string();
  EXPECT_NE(checked.error().detail.find("CN=Test TPM root"), std::string::npos);
}

TEST_F(EndorsementTest, WhoseIntermediateIsMissingIsRefusedAndTakenWhenTheDeviceOffersIt) {
  const test::TestTpm tpm(authority);
  const EkTrust root_alone = authority.trust(false);
  const auto missing = check_endorsement(tpm.presented().ek_certificate, {}, root_alone, now);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::ek_untrusted_root);
  EXPECT_NE(missing.error().detail.find("Test TPM issuer"), std::string::npos)
      << "the missing issuer is named";
  EXPECT_TRUE(check_endorsement(tpm.presented().ek_certificate, {authority.intermediate_der()},
                                root_alone, now));
}

TEST_F(EndorsementTest, WhoseRootOnlyTheDeviceOffersIsRefused) {
  const test::TestAuthority stranger;
  const test::TestTpm tpm(stranger, EkKind::ecc_p256);
  EXPECT_EQ(refusal_of(tpm.presented().ek_certificate,
                       std::vector<Bytes>(9, stranger.intermediate_der())),
            Code::ek_certificate_malformed)
      << "more than eight are not even looked at";
}

TEST_F(EndorsementTest, BeforeAndAfterItsValidityIsRefused) {
  const test::TestTpm tpm(authority);
  EXPECT_EQ(refusal_of(tpm.presented().ek_certificate, {}, from_unix(1'699'999'999)),
            Code::ek_not_yet_valid);
  EXPECT_EQ(refusal_of(tpm.presented().ek_certificate, {}, from_unix(2'000'000'001)),
            Code::ek_expired);
}

TEST_F(EndorsementTest, WithAWrongSignatureIsRefused) {
  test::EkCertificate certificate;
  certificate.corrupt_signature = true;
  EXPECT_EQ(refusal(certificate), Code::ek_signature);
}

TEST_F(EndorsementTest, OfACaIsRefused) {
  test::EkCertificate certificate;
  certificate.is_ca = true;
  EXPECT_EQ(refusal(certificate), Code::ek_is_ca);
}

TEST_F(EndorsementTest, WithoutItsKeyUsageIsRefused) {
  test::EkCertificate certificate;
  certificate.key_usage = false;
  EXPECT_EQ(refusal(certificate), Code::ek_key_usage);
  EXPECT_EQ(refusal(certificate, EkKind::rsa2048), Code::ek_key_usage);
}

TEST_F(EndorsementTest, WithoutTheTcgExtendedKeyUsageIsRefused) {
  test::EkCertificate certificate;
  certificate.extended_key_usage = false;
  EXPECT_EQ(refusal(certificate), Code::ek_eku);
}

TEST_F(EndorsementTest, WithoutTheTpmsNamesIsRefused) {
  test::EkCertificate certificate;
  certificate.names = false;
  EXPECT_EQ(refusal(certificate), Code::ek_names_missing);
}

TEST_F(EndorsementTest, WithACriticalExtensionUnknownToUsIsRefused) {
  test::EkCertificate certificate;
  certificate.unknown_critical = true;
  EXPECT_EQ(refusal(certificate), Code::ek_unhandled_critical);
}

TEST_F(EndorsementTest, OnAnotherKindOfKeyIsRefused) {
  for (EVP_PKEY* key : {EVP_RSA_gen(1024), EVP_RSA_gen(2560), EVP_EC_gen("P-521"),
                        EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")}) {
    EXPECT_EQ(refusal_of(authority.certify(key, false, {})), Code::ek_key_unsupported);
    EVP_PKEY_free(key);
  }
}

EVP_PKEY* rsa_key(const Bytes& modulus) {
  BIGNUM* n = BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, 65537);
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  BN_free(n);
  return key;
}

// Whoever computes the EK's private key opens its credentials without the TPM.
TEST_F(EndorsementTest, OnAKeyOfTheFlawedMakeOfRocaIsRefused) {
  Bytes modulus = test::roca_modulus();
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> weak(rsa_key(modulus), &EVP_PKEY_free);
  EXPECT_EQ(refusal_of(authority.certify(weak.get(), true, {})), Code::ek_key_unsupported);
  modulus.back() ^= 2U;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> fair(rsa_key(modulus), &EVP_PKEY_free);
  EXPECT_TRUE(check_endorsement(authority.certify(fair.get(), true, {}), {}, trust, now));
}

TEST_F(EndorsementTest, CutAnywhereOrWithAnyOctetChangedIsRefusedAndNothingElseHappens) {
  const test::TestTpm tpm(authority);
  const Bytes good = tpm.presented().ek_certificate;
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(check_endorsement(BytesView(good).first(i), {}, trust, now)) << i;
    Bytes bad = good;
    bad[i] ^= 0x10U;
    EXPECT_FALSE(check_endorsement(bad, {}, trust, now)) << i;
  }
}

// What TCG's EK credential profile (2.6, appendix B) writes of two templates.
TPMT_PUBLIC low_template(TPM2_ALG_ID type) {
  TPMT_PUBLIC area{};
  area.type = type;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                          TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  const Bytes policy =
      *from_hex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa");
  area.authPolicy.size = static_cast<UINT16>(policy.size());
  std::copy(policy.begin(), policy.end(), area.authPolicy.buffer);
  const bool rsa = type == TPM2_ALG_RSA;
  TPMT_SYM_DEF_OBJECT& symmetric =
      rsa ? area.parameters.rsaDetail.symmetric : area.parameters.eccDetail.symmetric;
  symmetric.algorithm = TPM2_ALG_AES;
  symmetric.keyBits.aes = 128;
  symmetric.mode.aes = TPM2_ALG_CFB;
  if (rsa) {
    area.parameters.rsaDetail.keyBits = 2048;
    area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
  } else {
    area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    area.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
  }
  return area;
}

TEST(EkTemplate, IsNamedOnlyWhereEachOfItsWordsIsTheProfiles) {
  EXPECT_EQ(ek_template_of(low_template(TPM2_ALG_RSA)), "L-1");
  EXPECT_EQ(ek_template_of(low_template(TPM2_ALG_ECC)), "L-2");
  using Change = void (*)(TPMT_PUBLIC&);
  const std::vector<std::pair<TPM2_ALG_ID, Change>> changes = {
      {TPM2_ALG_RSA, [](TPMT_PUBLIC& area) { area.type = TPM2_ALG_KEYEDHASH; }},
      {TPM2_ALG_RSA, [](TPMT_PUBLIC& area) { area.nameAlg = TPM2_ALG_SHA384; }},
      {TPM2_ALG_RSA, [](TPMT_PUBLIC& area) { area.objectAttributes |= TPMA_OBJECT_SIGN_ENCRYPT; }},
      {TPM2_ALG_RSA, [](TPMT_PUBLIC& area) { area.authPolicy.buffer[0] ^= 1U; }},
      {TPM2_ALG_RSA, [](TPMT_PUBLIC& area) { area.authPolicy.size = 0; }},
      {TPM2_ALG_RSA, [](TPMT_PUBLIC& area) { area.parameters.rsaDetail.keyBits = 1024; }},
      {TPM2_ALG_RSA, [](TPMT_PUBLIC& area) { area.parameters.rsaDetail.exponent = 3; }},
      {TPM2_ALG_RSA,
       [](TPMT_PUBLIC& area) { area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_OAEP; }},
      {TPM2_ALG_RSA,
       [](TPMT_PUBLIC& area) { area.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL; }},
      {TPM2_ALG_RSA,
       [](TPMT_PUBLIC& area) { area.parameters.rsaDetail.symmetric.keyBits.aes = 256; }},
      {TPM2_ALG_RSA,
       [](TPMT_PUBLIC& area) { area.parameters.rsaDetail.symmetric.mode.aes = TPM2_ALG_CBC; }},
      {TPM2_ALG_ECC,
       [](TPMT_PUBLIC& area) { area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P384; }},
      {TPM2_ALG_ECC,
       [](TPMT_PUBLIC& area) { area.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDH; }}};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    TPMT_PUBLIC area = low_template(changes[i].first);
    changes[i].second(area);
    EXPECT_EQ(ek_template_of(area), "") << i;
  }
}

}  // namespace
}  // namespace mintmark::attest::tpm2
