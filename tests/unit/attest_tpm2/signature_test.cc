// Signatures of every kind of AK, made by OpenSSL in the shapes that TPMs give them.
#include "attest/tpm2/signature.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>

#include "support/soft_key.h"

namespace mintmark::attest::tpm2 {
namespace {

const Bytes message(200, 0x42);

template <std::size_t N>
void put(BytesView octets, UINT16& size, BYTE (&buffer)[N]) {
  ASSERT_LE(octets.size(), N);
  size = static_cast<UINT16>(octets.size());
  std::copy(octets.begin(), octets.end(), buffer);
}

TPMT_PUBLIC ecc_area(const test::SoftKey& key, TPMI_ALG_HASH hash) {
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_ECC;
  area.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
  area.parameters.eccDetail.scheme.details.ecdsa.hashAlg = hash;
  const Bytes point = key.public_key().to_point();
  const std::size_t field = (point.size() - 1) / 2;
  area.parameters.eccDetail.curveID = field == 32 ? TPM2_ECC_NIST_P256 : TPM2_ECC_NIST_P384;
  put(BytesView(point).subspan(1, field), area.unique.ecc.x.size, area.unique.ecc.x.buffer);
  put(BytesView(point).subspan(1 + field), area.unique.ecc.y.size, area.unique.ecc.y.buffer);
  return area;
}

TPMT_SIGNATURE ecdsa(BytesView r, BytesView s, TPMI_ALG_HASH hash) {
  TPMT_SIGNATURE signature{};
  signature.sigAlg = TPM2_ALG_ECDSA;
  TPMS_SIGNATURE_ECDSA& out = signature.signature.ecdsa;
  out.hash = hash;
  put(r, out.signatureR.size, out.signatureR.buffer);
  put(s, out.signatureS.size, out.signatureS.buffer);
  return signature;
}

Code code_of(const Result<void>& result) { return result ? Code::internal : result.error().code; }

class EcdsaTest : public ::testing::TestWithParam<const char*> {
 protected:
  const bool p256 = std::string(GetParam()) == "P256";
  const test::SoftKey key{p256 ? jose::Algorithm::es256 : jose::Algorithm::es384};
  const TPMI_ALG_HASH hash = p256 ? TPM2_ALG_SHA256 : TPM2_ALG_SHA384;
  const std::size_t field = p256 ? 32 : 48;
  TPMT_PUBLIC area = ecc_area(key, hash);
  Bytes raw = key.sign(message);
  BytesView r() const { return BytesView(raw).first(field); }
  BytesView s() const { return BytesView(raw).subspan(field); }
};

TEST_P(EcdsaTest, ByTheKeyIsTaken) {
  EXPECT_TRUE(check_signature(area, message, ecdsa(r(), s(), hash)));
}

TEST_P(EcdsaTest, OverOtherOctetsOrByAnotherKeyIsRefused) {
  Bytes other = message;
  other[0] ^= 1U;
  EXPECT_EQ(code_of(check_signature(area, other, ecdsa(r(), s(), hash))), Code::signature_invalid);
  const test::SoftKey another(p256 ? jose::Algorithm::es256 : jose::Algorithm::es384);
  EXPECT_EQ(code_of(check_signature(ecc_area(another, hash), message, ecdsa(r(), s(), hash))),
            Code::signature_invalid);
}

// Some TPMs leave leading zeros out (Part 2, 11.2.4.1: an integer).
TEST_P(EcdsaTest, WithItsLeadingZeroLeftOutIsTaken) {
  while (raw[0] != 0) raw = key.sign(message);
  EXPECT_TRUE(check_signature(area, message, ecdsa(r().subspan(1), s(), hash)));
}

TEST_P(EcdsaTest, WithNumbersTooLongZeroOrAbsentIsRefused) {
  Bytes longer{0};
  longer.insert(longer.end(), r().begin(), r().end());
  EXPECT_EQ(code_of(check_signature(area, message, ecdsa(longer, s(), hash))),
            Code::signature_invalid);
  const Bytes zero(field, 0);
  EXPECT_EQ(code_of(check_signature(area, message, ecdsa(zero, zero, hash))),
            Code::signature_invalid);
  EXPECT_EQ(code_of(check_signature(area, message, ecdsa({}, {}, hash))), Code::signature_invalid);
}

TEST_P(EcdsaTest, OverAnotherHashThanTheKeysIsRefused) {
  for (const TPMI_ALG_HASH other : {TPM2_ALG_SHA1, TPM2_ALG_SHA512}) {
    EXPECT_EQ(code_of(check_signature(area, message, ecdsa(r(), s(), other))),
              Code::signature_hash);
  }
}

// Even where the key itself says so.
TEST_P(EcdsaTest, OverAHashThatIsNotItsCurvesIsRefused) {
  for (const TPMI_ALG_HASH other : {TPM2_ALG_SHA1, p256 ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256}) {
    EXPECT_EQ(code_of(check_signature(ecc_area(key, other), message, ecdsa(r(), s(), other))),
              Code::signature_hash);
  }
}

TEST_P(EcdsaTest, OfAnotherSchemeIsRefused) {
  for (const TPMI_ALG_SIG_SCHEME scheme :
       {TPM2_ALG_ECSCHNORR, TPM2_ALG_SM2, TPM2_ALG_ECDAA, TPM2_ALG_RSASSA, TPM2_ALG_NULL}) {
    TPMT_SIGNATURE signature = ecdsa(r(), s(), hash);
    signature.sigAlg = scheme;
    EXPECT_EQ(code_of(check_signature(area, message, signature)), Code::signature_scheme);
    TPMT_PUBLIC same = area;
    same.parameters.eccDetail.scheme.scheme = scheme;
    EXPECT_FALSE(check_signature(same, message, signature)) << "though the key is of it too";
  }
}

INSTANTIATE_TEST_SUITE_P(OnEachCurve, EcdsaTest, ::testing::Values("P256", "P384"),
                         [](const auto& test) { return std::string(test.param); });

class RsaTest : public ::testing::Test {
 protected:
  RsaTest() {
    BIGNUM* n = nullptr;
    EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &n);
    Bytes modulus(256);
    BN_bn2binpad(n, modulus.data(), 256);
    BN_free(n);
    area.type = TPM2_ALG_RSA;
    area.parameters.rsaDetail.keyBits = 2048;
    put(modulus, area.unique.rsa.size, area.unique.rsa.buffer);
    set_scheme(TPM2_ALG_RSASSA, TPM2_ALG_SHA256);
  }

  void set_scheme(TPMI_ALG_RSA_SCHEME scheme, TPMI_ALG_HASH hash) {
    area.parameters.rsaDetail.scheme.scheme = scheme;
    area.parameters.rsaDetail.scheme.details.rsassa.hashAlg = hash;
  }

  /// By the area's scheme; `salt` counts for PSS alone.
  TPMT_SIGNATURE sign(const EVP_MD* md, int salt = RSA_PSS_SALTLEN_DIGEST) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    EVP_PKEY_CTX* parameters = nullptr;
    EVP_DigestSignInit(context.get(), &parameters, md, nullptr, key.get());
    const bool pss = area.parameters.rsaDetail.scheme.scheme == TPM2_ALG_RSAPSS;
    EVP_PKEY_CTX_set_rsa_padding(parameters, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
    if (pss) EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt);
    Bytes out(256);
    std::size_t length = out.size();
    EXPECT_EQ(EVP_DigestSign(context.get(), out.data(), &length, message.data(), message.size()),
              1);
    TPMT_SIGNATURE signature{};
    signature.sigAlg = area.parameters.rsaDetail.scheme.scheme;
    signature.signature.rsassa.hash = area.parameters.rsaDetail.scheme.details.rsassa.hashAlg;
    put(out, signature.signature.rsassa.sig.size, signature.signature.rsassa.sig.buffer);
    return signature;
  }

  std::shared_ptr<EVP_PKEY> key{EVP_RSA_gen(2048), &EVP_PKEY_free};
  TPMT_PUBLIC area{};
};

TEST_F(RsaTest, ByEitherSchemeAndHashIsTaken) {
  for (const TPMI_ALG_RSA_SCHEME scheme : {TPM2_ALG_RSASSA, TPM2_ALG_RSAPSS}) {
    set_scheme(scheme, TPM2_ALG_SHA256);
    EXPECT_TRUE(check_signature(area, message, sign(EVP_sha256())));
    set_scheme(scheme, TPM2_ALG_SHA384);
    EXPECT_TRUE(check_signature(area, message, sign(EVP_sha384())));
  }
}

// TPMs before revision 1.59 fill PSS with the longest salt.
TEST_F(RsaTest, OfPssWithTheLongestSaltIsTaken) {
  set_scheme(TPM2_ALG_RSAPSS, TPM2_ALG_SHA256);
  EXPECT_TRUE(check_signature(area, message, sign(EVP_sha256(), RSA_PSS_SALTLEN_MAX)));
}

TEST_F(RsaTest, OfTheOtherPaddingIsRefused) {
  const TPMT_SIGNATURE v15 = sign(EVP_sha256());
  set_scheme(TPM2_ALG_RSAPSS, TPM2_ALG_SHA256);
  EXPECT_EQ(code_of(check_signature(area, message, v15)), Code::signature_scheme);
  TPMT_SIGNATURE named = v15;
  named.sigAlg = TPM2_ALG_RSAPSS;
  EXPECT_EQ(code_of(check_signature(area, message, named)), Code::signature_invalid);
}

TEST_F(RsaTest, OverSha1IsRefusedThoughItIsRight) {
  set_scheme(TPM2_ALG_RSASSA, TPM2_ALG_SHA1);
  EXPECT_EQ(code_of(check_signature(area, message, sign(EVP_sha1()))), Code::signature_hash);
}

TEST_F(RsaTest, OverAnotherHashThanTheKeysIsRefused) {
  const TPMT_SIGNATURE good = sign(EVP_sha256());
  set_scheme(TPM2_ALG_RSASSA, TPM2_ALG_SHA384);
  EXPECT_EQ(code_of(check_signature(area, message, good)), Code::signature_hash);
  TPMT_SIGNATURE named = good;
  named.signature.rsassa.hash = TPM2_ALG_SHA384;
  EXPECT_EQ(code_of(check_signature(area, message, named)), Code::signature_invalid);
}

TEST_F(RsaTest, CutLongerOrChangedIsRefused) {
  const TPMT_SIGNATURE good = sign(EVP_sha256());
  for (const int size : {0, 1, 255, 257}) {
    TPMT_SIGNATURE bad = good;
    bad.signature.rsassa.sig.size = static_cast<UINT16>(size);
    EXPECT_EQ(code_of(check_signature(area, message, bad)), Code::signature_invalid) << size;
  }
  TPMT_SIGNATURE bad = good;
  bad.signature.rsassa.sig.buffer[128] ^= 1U;
  EXPECT_EQ(code_of(check_signature(area, message, bad)), Code::signature_invalid);
}

TEST_F(RsaTest, OfAnEcdsaSignatureIsRefused) {
  EXPECT_EQ(
      code_of(check_signature(area, message, ecdsa(Bytes(32, 1), Bytes(32, 1), TPM2_ALG_SHA256))),
      Code::signature_scheme);
}

}  // namespace
}  // namespace mintmark::attest::tpm2
