#include "attest/tpm2/ek_profile.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "attest/x509/extension.h"
#include "base/text.h"
#include "jose/roca.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr std::size_t longest_attribute = 128;
constexpr int most_names = 32;
constexpr unsigned long default_exponent = 65537;
constexpr const char* eku_ek_certificate = "2.23.133.8.1";
constexpr const char* oid_manufacturer = "2.23.133.2.1";
constexpr const char* oid_model = "2.23.133.2.2";
constexpr const char* oid_version = "2.23.133.2.3";
constexpr const char* oid_gce_instance = "1.3.6.1.4.1.11129.2.1.21";
// What Google's certificates that name the TPM say.
constexpr const char* google_manufacturer = "id:474F4F47";
constexpr const char* google_model = "vTPM";

struct Free {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// CVE-2017-15361: whoever computes the private key opens credentials without the TPM.
bool is_of_roca(const EVP_PKEY* key) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &number);
  const Owned<BIGNUM> modulus(number);
  if (!modulus) return false;
  Bytes octets(static_cast<std::size_t>(BN_num_bytes(modulus.get())));
  BN_bn2bin(modulus.get(), octets.data());
  return jose::has_roca_structure(octets);
}

std::optional<EkKind> rsa_kind(const EVP_PKEY* key) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &number);
  const Owned<BIGNUM> exponent(number);
  if (!exponent || BN_is_word(exponent.get(), default_exponent) != 1 || is_of_roca(key))
    return std::nullopt;
  switch (EVP_PKEY_get_bits(key)) {
    case 2048:
      return EkKind::rsa2048;
    case 3072:
      return EkKind::rsa3072;
    case 4096:
      return EkKind::rsa4096;
    default:
      return std::nullopt;
  }
}

std::optional<EkKind> ecc_kind(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                 nullptr);
  if (std::strcmp(group.data(), SN_X9_62_prime256v1) == 0) return EkKind::ecc_p256;
  if (std::strcmp(group.data(), SN_secp384r1) == 0) return EkKind::ecc_p384;
  return std::nullopt;
}

std::string attribute(const X509_NAME* name, const char* oid) {
  int index = 0;
  while (index < X509_NAME_entry_count(name) &&
         !x509::is_numbered(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(name, index)), oid))
    ++index;
  if (index == X509_NAME_entry_count(name)) return {};
  unsigned char* text = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (length < 0) return {};
  const std::string value(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  return value.size() <= longest_attribute && is_utf8(value) ? printable(value, longest_attribute)
                                                             : std::string();
}

Result<void> check_policies(const X509* leaf) {
  if (X509_get_ext_by_NID(leaf, NID_certificate_policies, -1) < 0) return {};
  const auto policies = x509::extension<CERTIFICATEPOLICIES>(leaf, NID_certificate_policies);
  if (policies && sk_POLICYINFO_num(policies.get()) > 0) return {};
  return fail(Code::ek_policies, "the certificate policies cannot be read");
}

Result<void> check_extended_usage(const X509* leaf, std::uint32_t only_usage) {
  const auto usages = x509::extended_key_usages(leaf);
  if (usages && std::find(usages->begin(), usages->end(), eku_ek_certificate) != usages->end())
    return {};
  // Google's private CA writes none. A root that vouches for EKs and for AKs too is not enough
  // then: the key must be one that can only be encrypted to, in a machine that Google names.
  if (!usages && X509_get_key_usage(const_cast<X509*>(leaf)) == only_usage &&
      names_gce_instance(leaf))
    return {};
  return fail(Code::ek_eku, "extended key usage must hold tcg-kp-EKCertificate (2.23.133.8.1)");
}

// --- templates ---

constexpr TPMA_OBJECT low_attributes =
    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
    TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
constexpr TPMA_OBJECT high_attributes = low_attributes | TPMA_OBJECT_USERWITHAUTH;

// PolicySecret(endorsement), and that or PolicyAuthorizeNV: B.6.2 to B.6.5.
constexpr const char* policy_a_sha256 =
    "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
constexpr const char* policy_b_sha256 =
    "ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0";
constexpr const char* policy_b_sha384 =
    "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419ca"
    "cb47ba09699646150f9fc000f3f80e12";
constexpr const char* policy_b_sha512 =
    "b8221ca69e8550a4914de3faa6a18c072cc01208073a928d5d66d59ef79e49a4"
    "29c41a6b269571d57edb25fbdb1838425608b413cd616a5f6db5b6071af99bea";

struct Template {
  const char* name;
  TPM2_ALG_ID type;
  unsigned size;  // RSA: bits; ECC: the curve.
  TPM2_ALG_ID name_alg;
  TPMA_OBJECT attributes;
  const char* policy;
  unsigned aes_bits;
};

constexpr std::array templates = {
    Template{"L-1", TPM2_ALG_RSA, 2048, TPM2_ALG_SHA256, low_attributes, policy_a_sha256, 128},
    Template{"L-2", TPM2_ALG_ECC, TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, low_attributes,
             policy_a_sha256, 128},
    Template{"H-1", TPM2_ALG_RSA, 2048, TPM2_ALG_SHA256, high_attributes, policy_b_sha256, 128},
    Template{"H-2", TPM2_ALG_ECC, TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, high_attributes,
             policy_b_sha256, 128},
    Template{"H-3", TPM2_ALG_ECC, TPM2_ECC_NIST_P384, TPM2_ALG_SHA384, high_attributes,
             policy_b_sha384, 256},
    Template{"H-4", TPM2_ALG_ECC, TPM2_ECC_NIST_P521, TPM2_ALG_SHA512, high_attributes,
             policy_b_sha512, 256},
    Template{"H-6", TPM2_ALG_RSA, 3072, TPM2_ALG_SHA384, high_attributes, policy_b_sha384, 256},
    Template{"H-7", TPM2_ALG_RSA, 4096, TPM2_ALG_SHA384, high_attributes, policy_b_sha384, 256},
};

bool fits(const TPMT_PUBLIC& area, const Template& wanted) {
  const bool rsa = area.type == TPM2_ALG_RSA;
  const TPMT_SYM_DEF_OBJECT& symmetric =
      rsa ? area.parameters.rsaDetail.symmetric : area.parameters.eccDetail.symmetric;
  const unsigned size = rsa ? area.parameters.rsaDetail.keyBits : area.parameters.eccDetail.curveID;
  const TPM2_ALG_ID scheme =
      rsa ? area.parameters.rsaDetail.scheme.scheme : area.parameters.eccDetail.scheme.scheme;
  return area.type == wanted.type && size == wanted.size && area.nameAlg == wanted.name_alg &&
         area.objectAttributes == wanted.attributes && scheme == TPM2_ALG_NULL &&
         symmetric.algorithm == TPM2_ALG_AES && symmetric.keyBits.aes == wanted.aes_bits &&
         symmetric.mode.aes == TPM2_ALG_CFB && (!rsa || area.parameters.rsaDetail.exponent == 0) &&
         to_hex({area.authPolicy.buffer, area.authPolicy.size}) == wanted.policy;
}

}  // namespace

Result<EkKind> kind_of(const EVP_PKEY* key) {
  std::optional<EkKind> kind;
  if (EVP_PKEY_is_a(key, "RSA") == 1)
    kind = rsa_kind(key);
  else if (EVP_PKEY_is_a(key, "EC") == 1)
    kind = ecc_kind(key);
  ERR_clear_error();
  if (kind) return *kind;
  return fail(Code::ek_key_unsupported,
              "the EK is neither RSA of 2048, 3072 or 4096 bits (exponent 65537, and not of the "
              "flawed make of CVE-2017-15361) nor ECC P-256 nor P-384");
}

Result<void> check_ek_usage(X509* leaf, EkKind kind) {
  if (x509::is_authority(leaf)) return fail(Code::ek_is_ca, "an EK certificate is no CA's");
  const bool rsa = is_rsa(kind);
  const std::uint32_t wanted = rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
  if ((X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(leaf) & wanted) == 0) {
    return fail(Code::ek_key_usage,
                std::string("key usage must hold ") + (rsa ? "keyEncipherment" : "keyAgreement"));
  }
  if (auto extended = check_extended_usage(leaf, wanted); !extended) return extended;
  return check_policies(leaf);
}

bool names_gce_instance(const X509* certificate) {
  return !x509::extensions_numbered(certificate, oid_gce_instance).empty();
}

std::optional<TpmNames> tpm_names_of(const X509* certificate) {
  const auto names = x509::extension<GENERAL_NAMES>(certificate, NID_subject_alt_name);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()) && i < most_names; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DIRNAME) continue;
    TpmNames found{attribute(name->d.directoryName, oid_manufacturer),
                   attribute(name->d.directoryName, oid_model),
                   attribute(name->d.directoryName, oid_version)};
    if (!found.manufacturer.empty() && !found.model.empty() && !found.version.empty()) return found;
  }
  if (X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) < 0 &&
      names_gce_instance(certificate))
    return TpmNames{google_manufacturer, google_model, ""};
  return std::nullopt;
}

std::string ek_template_of(const TPMT_PUBLIC& area) {
  if (area.type != TPM2_ALG_RSA && area.type != TPM2_ALG_ECC) return {};
  const auto* found = std::find_if(templates.begin(), templates.end(),
                                   [&](const Template& wanted) { return fits(area, wanted); });
  return found == templates.end() ? std::string() : found->name;
}

}  // namespace mintmark::attest::tpm2
