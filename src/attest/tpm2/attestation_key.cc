#include "attest/tpm2/attestation_key.h"

#include <array>
#include <string>

#include "attest/tpm2/attributes.h"
#include "attest/tpm2/hash.h"
#include "attest/tpm2/signature.h"
#include "jose/key.h"
#include "jose/roca.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr unsigned least_rsa_bits = 2048;
constexpr unsigned most_rsa_bits = 4096;
constexpr std::uint32_t default_exponent = 65537;

constexpr std::array ak_rules = {
    AttributeRule{TPMA_OBJECT_RESTRICTED, true, Code::ak_not_restricted,
                  "the AK must be restricted: another key would sign evidence that no TPM made"},
    AttributeRule{TPMA_OBJECT_SIGN_ENCRYPT, true, Code::ak_not_signing,
                  "the AK must be a signing key"},
    AttributeRule{TPMA_OBJECT_DECRYPT, false, Code::ak_decrypts, "the AK must not decrypt"},
    AttributeRule{TPMA_OBJECT_FIXEDTPM, true, Code::ak_not_fixed_tpm, "the AK must be fixedTPM"},
    AttributeRule{TPMA_OBJECT_FIXEDPARENT, true, Code::ak_not_fixed_parent,
                  "the AK must be fixedParent"},
    AttributeRule{TPMA_OBJECT_SENSITIVEDATAORIGIN, true, Code::ak_imported,
                  "the AK must have been made by the TPM (sensitiveDataOrigin)"},
};

Result<void> check_rsa_ak(const TPMT_PUBLIC& ak) {
  const TPMS_RSA_PARMS& rsa = ak.parameters.rsaDetail;
  const TPM2B_PUBLIC_KEY_RSA& modulus = ak.unique.rsa;
  // 0 is the default, 65537 (Part 2, 12.2.3.5); a key of exponent 1 would sign nothing.
  const bool fits = rsa.keyBits >= least_rsa_bits && rsa.keyBits <= most_rsa_bits &&
                    modulus.size * 8U == rsa.keyBits && (modulus.buffer[0] & 0x80U) != 0 &&
                    (rsa.exponent == 0 || rsa.exponent == default_exponent);
  if (!fits)
    return fail(Code::ak_type, "an RSA AK must have 2048 to 4096 bits and the exponent 65537");
  if (jose::has_roca_structure({modulus.buffer, modulus.size})) {
    return fail(Code::jwk_weak,
                "the AK is of the flawed make of CVE-2017-15361 (ROCA): its private key can be "
                "computed; update the TPM's firmware and make another");
  }
  const TPM2_ALG_ID scheme = signing_scheme(ak);
  if ((scheme != TPM2_ALG_RSASSA && scheme != TPM2_ALG_RSAPSS) || !hash_of(signing_hash(ak)))
    return fail(Code::ak_scheme,
                "an RSA AK's scheme must be RSASSA or RSAPSS with SHA-256 or SHA-384");
  return {};
}

Result<void> check_ecc_ak(const TPMT_PUBLIC& ak) {
  const auto point = point_of(ak);
  if (!point) return fail(Code::ak_type, "an ECC AK must be on P-256 or P-384");
  const bool p256 = ak.parameters.eccDetail.curveID == TPM2_ECC_NIST_P256;
  // The pairs of ES256 and ES384; check_signature verifies no others.
  if (signing_scheme(ak) != TPM2_ALG_ECDSA ||
      signing_hash(ak) != (p256 ? TPM2_ALG_SHA256 : TPM2_ALG_SHA384))
    return fail(Code::ak_scheme,
                "an ECC AK's scheme must be ECDSA, with SHA-256 on P-256, SHA-384 on P-384");
  auto key =
      jose::PublicKey::from_point(p256 ? jose::Algorithm::es256 : jose::Algorithm::es384, *point);
  if (!key) return pass_on(key);
  return {};
}

}  // namespace

Result<void> check_attestation_key(const TPMT_PUBLIC& ak) {
  if (auto attributes = check_attributes(ak.objectAttributes, ak_rules); !attributes)
    return attributes;
  if (ak.type == TPM2_ALG_RSA) return check_rsa_ak(ak);
  if (ak.type == TPM2_ALG_ECC) return check_ecc_ak(ak);
  return fail(Code::ak_type, "the AK must be an RSA or an ECC key");
}

Result<TPMS_ATTEST> read_statement(BytesView octets, TPM2_ST type, BytesView binding,
                                   const char* what, const StatementCodes& codes) {
  const std::string name = what;
  auto attest = parse_attest(octets, what);
  if (!attest) return attest;
  if (attest->magic != TPM2_GENERATED_VALUE)
    return fail(codes.magic, name + " was not made by a TPM (magic)");
  if (attest->type != type) return fail(codes.type, name + " is a statement of another type");
  if (!equal_in_constant_time(view_of(attest->extraData), binding))
    return fail(codes.binding, name + " is not bound to what it is shown for (extraData)");
  return attest;
}

Result<void> check_creation(const TPMS_CREATION_INFO& said, const Bytes& object_name,
                            const CreationData& creation) {
  if (!equal_in_constant_time(view_of(said.objectName), object_name))
    return fail(Code::creation_name, "the statement of creation speaks of another key");
  // The Name begins with the algorithm that the creation is hashed by (Part 3, 18.3).
  const auto hash = object_name.size() < 2
                        ? std::nullopt
                        : hash_of(static_cast<TPM2_ALG_ID>(object_name[0] << 8U | object_name[1]));
  if (!hash || !equal_in_constant_time(view_of(said.creationHash), hash->digest(creation.octets)))
    return fail(Code::creation_hash, "the creation data given are not those that were certified");
  return {};
}

Result<void> check_signed(const TPMT_PUBLIC& ak, BytesView attest, BytesView signature,
                          const char* what) {
  auto parsed = parse_signature(signature, what);
  if (!parsed) return pass_on(parsed);
  return check_signature(ak, attest, *parsed);
}

}  // namespace mintmark::attest::tpm2
