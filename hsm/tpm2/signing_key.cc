#include "hsm/tpm2/signing_key.h"

#include <openssl/evp.h>

#include <array>

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"

namespace mintmark::hsm::tpm2 {
namespace {

using jose::Algorithm;

constexpr TPMA_OBJECT signing = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_SIGN_ENCRYPT |
                                TPMA_OBJECT_NODA;
constexpr std::array<std::uint8_t, 3> default_exponent{0x01, 0x00, 0x01};

std::size_t field_of(Algorithm algorithm) { return algorithm == Algorithm::es384 ? 48 : 32; }

TPMT_PUBLIC ecc_area(Algorithm algorithm) {
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_ECC;
  TPMS_ECC_PARMS& ecc = area.parameters.eccDetail;
  const bool p384 = algorithm == Algorithm::es384;
  ecc.curveID = p384 ? TPM2_ECC_NIST_P384 : TPM2_ECC_NIST_P256;
  ecc.symmetric.algorithm = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_ECDSA;
  ecc.scheme.details.ecdsa.hashAlg = p384 ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return area;
}

TPMT_PUBLIC rsa_area(Algorithm algorithm) {
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_RSA;
  TPMS_RSA_PARMS& rsa = area.parameters.rsaDetail;
  rsa.symmetric.algorithm = TPM2_ALG_NULL;
  rsa.keyBits = 2048;
  rsa.scheme.scheme = algorithm == Algorithm::ps256 ? TPM2_ALG_RSAPSS : TPM2_ALG_RSASSA;
  rsa.scheme.details.anySig.hashAlg = TPM2_ALG_SHA256;
  return area;
}

void append_padded(Bytes& to, BytesView number, std::size_t field) {
  to.insert(to.end(), field - number.size(), 0);
  to.insert(to.end(), number.begin(), number.end());
}

Result<Bytes> two_numbers(BytesView first, BytesView second, std::size_t field, Bytes head = {}) {
  if (first.size() > field || second.size() > field)
    return fail(Code::tpm_failed, "the TPM gave a number that is longer than the curve has them");
  append_padded(head, first, field);
  append_padded(head, second, field);
  return head;
}

}  // namespace

Result<TPM2B_PUBLIC> signing_key_template(Algorithm algorithm, const Sha256& policy) {
  if (algorithm == Algorithm::ed25519)
    return fail(Code::hsm_mechanism_missing,
                "a TPM signs with ES256, ES384, RS256 or PS256, not with Ed25519");
  const bool ecc = algorithm == Algorithm::es256 || algorithm == Algorithm::es384;
  TPM2B_PUBLIC made{};
  made.publicArea = ecc ? ecc_area(algorithm) : rsa_area(algorithm);
  made.publicArea.nameAlg = TPM2_ALG_SHA256;
  made.publicArea.objectAttributes = signing;
  auto digest = tpm2b_of<TPM2B_DIGEST>(policy, "the policy");
  if (!digest) return pass_on(digest);
  made.publicArea.authPolicy = *digest;
  return made;
}

Result<void> check_makes(const Tpm& tpm, Algorithm algorithm) {
  const auto area = signing_key_template(algorithm, {});
  if (!area) return tl::unexpected<Error>(area.error());
  const TPMT_PUBLIC_PARMS wanted{.type = area->publicArea.type,
                                 .parameters = area->publicArea.parameters};
  const TSS2_RC rc = Esys_TestParms(tpm.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted);
  if (rc == TSS2_RC_SUCCESS) return {};
  if (!is_about_parameter(rc)) return tpm_refusal("TPM2_TestParms", rc);
  return fail(Code::hsm_mechanism_missing,
              "this TPM makes no keys for " + std::string(jose::name_of(algorithm)), rc);
}

Result<jose::PublicKey> public_key_of(const TPMT_PUBLIC& area, Algorithm algorithm) {
  if (area.type == TPM2_ALG_RSA)
    return jose::PublicKey::from_rsa(content_of(area.unique.rsa), default_exponent, algorithm);
  const TPMS_ECC_POINT& at = area.unique.ecc;
  auto point = two_numbers(content_of(at.x), content_of(at.y), field_of(algorithm), {0x04});
  if (!point) return pass_on(point);
  return jose::PublicKey::from_point(algorithm, *point);
}

Result<TPM2B_DIGEST> digest_for(Algorithm algorithm, BytesView input) {
  const EVP_MD* hash = algorithm == Algorithm::es384 ? EVP_sha384() : EVP_sha256();
  TPM2B_DIGEST digest{};
  unsigned size = 0;
  if (EVP_Digest(input.data(), input.size(), std::begin(digest.buffer), &size, hash, nullptr) != 1)
    return fail(Code::internal, "EVP_Digest failed");
  digest.size = static_cast<UINT16>(size);
  return digest;
}

Result<Bytes> jws_signature(Algorithm algorithm, const TPMT_SIGNATURE& signature) {
  switch (signature.sigAlg) {
    case TPM2_ALG_ECDSA:
      return two_numbers(content_of(signature.signature.ecdsa.signatureR),
                         content_of(signature.signature.ecdsa.signatureS), field_of(algorithm));
    case TPM2_ALG_RSASSA:
    case TPM2_ALG_RSAPSS:  // Both are TPMS_SIGNATURE_RSA.
      return to_bytes(content_of(signature.signature.rsassa.sig));
    default:
      return fail(Code::tpm_failed, "TPM2_Sign gave a signature of another scheme than the key's");
  }
}

}  // namespace mintmark::hsm::tpm2
