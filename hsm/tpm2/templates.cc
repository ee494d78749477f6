#include "hsm/tpm2/templates.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <span>

namespace mintmark::hsm::tpm2 {
namespace {

constexpr TPMA_OBJECT fixed =
    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN;
// Without the protection against guessing: there is no secret to guess, and each power cut after a
// use would count as a guess (TPM 2.0 Part 1, 19.8.6), until the TPM refuses the key for hours.
constexpr TPMA_OBJECT usable =
    fixed | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_NODA;
constexpr TPMA_OBJECT storage = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;

// PolicyA: TPM2_PolicySecret(TPM_RH_ENDORSEMENT) (EK Credential Profile, B.6.2).
constexpr std::array<std::uint8_t, 32> policy_a = {
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24,
    0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA};
// PolicyB: PolicyOR of PolicyA and PolicyC, which is TPM2_PolicyAuthorizeNV of a well-known index
// (B.6.3 to B.6.5).
constexpr std::array<std::uint8_t, 32> policy_b_sha256 = {
    0xCA, 0x3D, 0x0A, 0x99, 0xA2, 0xB9, 0x39, 0x06, 0xF7, 0xA3, 0x34, 0x24, 0x14, 0xEF, 0xCF, 0xB3,
    0xA3, 0x85, 0xD4, 0x4C, 0xD1, 0xFD, 0x45, 0x90, 0x89, 0xD1, 0x9B, 0x50, 0x71, 0xC0, 0xB7, 0xA0};
constexpr std::array<std::uint8_t, 48> policy_b_sha384 = {
    0xB2, 0x6E, 0x7D, 0x28, 0xD1, 0x1A, 0x50, 0xBC, 0x53, 0xD8, 0x82, 0xBC, 0xF5, 0xFD, 0x3A, 0x1A,
    0x07, 0x41, 0x48, 0xBB, 0x35, 0xD3, 0xB4, 0xE4, 0xCB, 0x1C, 0x0A, 0xD9, 0xBD, 0xE4, 0x19, 0xCA,
    0xCB, 0x47, 0xBA, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0F, 0x9F, 0xC0, 0x00, 0xF3, 0xF8, 0x0E, 0x12};

TPM2B_PUBLIC ecc_area(TPMI_ECC_CURVE curve, TPMI_ALG_HASH name_alg, TPMA_OBJECT attributes) {
  TPM2B_PUBLIC area{};
  area.publicArea.type = TPM2_ALG_ECC;
  area.publicArea.nameAlg = name_alg;
  area.publicArea.objectAttributes = attributes;
  TPMS_ECC_PARMS& ecc = area.publicArea.parameters.eccDetail;
  ecc.curveID = curve;
  ecc.symmetric.algorithm = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_NULL;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return area;
}

TPM2B_PUBLIC ecc_signing_area(TPMA_OBJECT attributes) {
  TPM2B_PUBLIC area = ecc_area(TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, attributes);
  TPMT_ECC_SCHEME& scheme = area.publicArea.parameters.eccDetail.scheme;
  scheme.scheme = TPM2_ALG_ECDSA;
  scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  return area;
}

TPMT_SYM_DEF_OBJECT aes_cfb(TPMI_AES_KEY_BITS bits) {
  TPMT_SYM_DEF_OBJECT symmetric{};
  symmetric.algorithm = TPM2_ALG_AES;
  symmetric.keyBits.aes = bits;
  symmetric.mode.aes = TPM2_ALG_CFB;
  return symmetric;
}

TPM2B_PUBLIC ecc_storage_area(TPMI_ECC_CURVE curve, TPMI_ALG_HASH name_alg, TPMA_OBJECT attributes,
                              TPMI_AES_KEY_BITS bits) {
  TPM2B_PUBLIC area = ecc_area(curve, name_alg, attributes | storage);
  area.publicArea.parameters.eccDetail.symmetric = aes_cfb(bits);
  return area;
}

TPM2B_PUBLIC rsa_storage_area(TPMA_OBJECT attributes) {
  TPM2B_PUBLIC area{};
  area.publicArea.type = TPM2_ALG_RSA;
  area.publicArea.nameAlg = TPM2_ALG_SHA256;
  area.publicArea.objectAttributes = attributes | storage;
  TPMS_RSA_PARMS& rsa = area.publicArea.parameters.rsaDetail;
  rsa.symmetric = aes_cfb(128);
  rsa.scheme.scheme = TPM2_ALG_NULL;
  rsa.keyBits = 2048;
  return area;
}

TPM2B_PUBLIC with_policy(TPM2B_PUBLIC area, std::span<const std::uint8_t> policy) {
  TPM2B_DIGEST& digest = area.publicArea.authPolicy;
  digest.size = static_cast<UINT16>(policy.size());
  std::copy(policy.begin(), policy.end(), std::begin(digest.buffer));
  return area;
}

// The low range's templates ask for a `unique` of zeros; as input to the derivation it makes the
// key another one.
TPM2B_PUBLIC with_zero_point(TPM2B_PUBLIC area) {
  area.publicArea.unique.ecc.x.size = 32;
  area.publicArea.unique.ecc.y.size = 32;
  return area;
}
TPM2B_PUBLIC with_zero_modulus(TPM2B_PUBLIC area) {
  area.publicArea.unique.rsa.size = 256;
  return area;
}

constexpr TPMA_OBJECT low_range = fixed | TPMA_OBJECT_ADMINWITHPOLICY;
constexpr TPMA_OBJECT high_range = low_range | TPMA_OBJECT_USERWITHAUTH;

template <typename T>
bool same_octets(const T& left, const T& right) {
  return left.size == right.size && std::memcmp(left.buffer, right.buffer, left.size) == 0;
}

bool same_symmetric(const TPMT_SYM_DEF_OBJECT& left, const TPMT_SYM_DEF_OBJECT& right) {
  if (left.algorithm != right.algorithm) return false;
  return left.algorithm == TPM2_ALG_NULL ||
         (left.keyBits.sym == right.keyBits.sym && left.mode.sym == right.mode.sym);
}

}  // namespace

TPM2B_PUBLIC storage_root_template() {
  return with_zero_point(ecc_storage_area(TPM2_ECC_NIST_P256, TPM2_ALG_SHA256,
                                          fixed | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA,
                                          128));
}

TPM2B_PUBLIC attestation_key_template() {
  return ecc_signing_area(usable | TPMA_OBJECT_RESTRICTED);
}

TPM2B_PUBLIC device_key_template() { return ecc_signing_area(usable); }

std::optional<EkTemplate> ek_template_of(std::uint32_t nv_index) {
  using enum EkAuthorization;
  switch (nv_index) {
    case 0x01C00002:
      return EkTemplate{nv_index, 0x81010001, policy_secret,
                        with_zero_modulus(with_policy(rsa_storage_area(low_range), policy_a))};
    case 0x01C0000A:
      return EkTemplate{
          nv_index, 0x81010002, policy_secret,
          with_zero_point(with_policy(
              ecc_storage_area(TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, low_range, 128), policy_a))};
    case 0x01C00012:
      return EkTemplate{nv_index, 0x81010012, empty_auth,
                        with_policy(rsa_storage_area(high_range), policy_b_sha256)};
    case 0x01C00014:
      return EkTemplate{
          nv_index, 0x81010014, empty_auth,
          with_policy(ecc_storage_area(TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, high_range, 128),
                      policy_b_sha256)};
    case 0x01C00016:
      return EkTemplate{
          nv_index, 0x81010016, empty_auth,
          with_policy(ecc_storage_area(TPM2_ECC_NIST_P384, TPM2_ALG_SHA384, high_range, 256),
                      policy_b_sha384)};
    default:
      return std::nullopt;
  }
}

bool same_template(const TPMT_PUBLIC& left, const TPMT_PUBLIC& right) {
  if (left.type != right.type || left.nameAlg != right.nameAlg ||
      left.objectAttributes != right.objectAttributes ||
      !same_octets(left.authPolicy, right.authPolicy)) {
    return false;
  }
  if (left.type == TPM2_ALG_ECC) {
    const TPMS_ECC_PARMS& l = left.parameters.eccDetail;
    const TPMS_ECC_PARMS& r = right.parameters.eccDetail;
    return l.curveID == r.curveID && l.scheme.scheme == r.scheme.scheme &&
           l.kdf.scheme == r.kdf.scheme && same_symmetric(l.symmetric, r.symmetric);
  }
  if (left.type == TPM2_ALG_RSA) {
    const TPMS_RSA_PARMS& l = left.parameters.rsaDetail;
    const TPMS_RSA_PARMS& r = right.parameters.rsaDetail;
    return l.keyBits == r.keyBits && l.exponent == r.exponent &&
           l.scheme.scheme == r.scheme.scheme && same_symmetric(l.symmetric, r.symmetric);
  }
  return false;
}

}  // namespace mintmark::hsm::tpm2
