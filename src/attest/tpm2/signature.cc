#include "attest/tpm2/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <memory>

#include "attest/tpm2/hash.h"
#include "jose/key.h"

namespace mintmark::attest::tpm2 {
namespace {

struct Free {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

constexpr std::uint32_t default_exponent = 65537;

tl::unexpected<Error> invalid() {
  ERR_clear_error();
  return fail(Code::signature_invalid, "the AK did not make this signature");
}

std::size_t field_of(TPM2_ECC_CURVE curve) {
  return curve == TPM2_ECC_NIST_P256 ? 32 : curve == TPM2_ECC_NIST_P384 ? 48 : 0;
}

// Appends left-padded with zeros; false if longer than the field.
bool append_padded(Bytes& to, const TPM2B_ECC_PARAMETER& number, std::size_t field) {
  if (number.size > field) return false;
  to.insert(to.end(), field - number.size, 0);
  to.insert(to.end(), number.buffer, number.buffer + number.size);
  return true;
}

Result<void> check_ecdsa(const TPMT_PUBLIC& ak, BytesView signed_octets,
                         const TPMS_SIGNATURE_ECDSA& signature) {
  const std::size_t field = field_of(ak.parameters.eccDetail.curveID);
  auto point = point_of(ak);
  if (!point) return pass_on(point);
  // ES256 and ES384 pair the curve with its hash; a TPM may pair them otherwise, and no fleet we
  // know does.
  const auto algorithm = field == 32 ? jose::Algorithm::es256 : jose::Algorithm::es384;
  if (signature.hash != (field == 32 ? TPM2_ALG_SHA256 : TPM2_ALG_SHA384)) {
    return fail(Code::signature_hash,
                "ECDSA on P-256 is taken with SHA-256, on P-384 with SHA-384");
  }
  auto key = jose::PublicKey::from_point(algorithm, *point);
  if (!key) return pass_on(key);
  Bytes raw;
  if (!append_padded(raw, signature.signatureR, field) ||
      !append_padded(raw, signature.signatureS, field))
    return invalid();
  if (!key->verify(signed_octets, raw)) return invalid();
  return {};
}

Owned<EVP_PKEY> rsa_key(const TPMT_PUBLIC& ak) {
  const std::uint32_t exponent =
      ak.parameters.rsaDetail.exponent == 0 ? default_exponent : ak.parameters.rsaDetail.exponent;
  const Owned<BIGNUM> n(BN_bin2bn(ak.unique.rsa.buffer, ak.unique.rsa.size, nullptr));
  const Owned<BIGNUM> e(BN_new());
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  if (!n || !e || !builder || !context || BN_set_word(e.get(), exponent) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  EVP_PKEY* key = nullptr;
  if (!parameters || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  return Owned<EVP_PKEY>(key);
}

Result<void> check_rsa(const TPMT_PUBLIC& ak, BytesView signed_octets,
                       const TPMS_SIGNATURE_RSA& signature, bool pss) {
  const auto hash = hash_of(signature.hash);
  if (!hash)
    return fail(Code::signature_hash, "the signature's hash is neither SHA-256 nor SHA-384");
  const Owned<EVP_PKEY> key = rsa_key(ak);
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  if (!key || !context ||
      EVP_DigestVerifyInit(context.get(), &parameters, hash->md(), nullptr, key.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(parameters, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) !=
          1) {
    return invalid();
  }
  // TPMs before revision 1.59 fill PSS with the longest salt, later ones with the digest's length.
  if (pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_AUTO) != 1)
    return invalid();
  if (EVP_DigestVerify(context.get(), signature.sig.buffer, signature.sig.size,
                       signed_octets.data(), signed_octets.size()) != 1)
    return invalid();
  return {};
}

}  // namespace

TPM2_ALG_ID signing_scheme(const TPMT_PUBLIC& key) {
  if (key.type == TPM2_ALG_ECC) return key.parameters.eccDetail.scheme.scheme;
  if (key.type == TPM2_ALG_RSA) return key.parameters.rsaDetail.scheme.scheme;
  return TPM2_ALG_NULL;
}

TPM2_ALG_ID signing_hash(const TPMT_PUBLIC& key) {
  switch (signing_scheme(key)) {
    case TPM2_ALG_ECDSA:
      return key.parameters.eccDetail.scheme.details.ecdsa.hashAlg;
    case TPM2_ALG_RSASSA:
      return key.parameters.rsaDetail.scheme.details.rsassa.hashAlg;
    case TPM2_ALG_RSAPSS:
      return key.parameters.rsaDetail.scheme.details.rsapss.hashAlg;
    default:
      return TPM2_ALG_NULL;
  }
}

Result<Bytes> point_of(const TPMT_PUBLIC& key) {
  const std::size_t field =
      key.type == TPM2_ALG_ECC ? field_of(key.parameters.eccDetail.curveID) : 0;
  if (field == 0) return fail(Code::tpm_structure, "the key is not on P-256 or P-384");
  Bytes point{0x04};
  if (!append_padded(point, key.unique.ecc.x, field) ||
      !append_padded(point, key.unique.ecc.y, field)) {
    return fail(Code::tpm_structure, "a coordinate is longer than its field");
  }
  return point;
}

Result<void> check_signature(const TPMT_PUBLIC& ak, BytesView signed_octets,
                             const TPMT_SIGNATURE& signature) {
  if (signature.sigAlg != signing_scheme(ak))
    return fail(Code::signature_scheme, "the signature is of another scheme than the AK's");
  // All members of the union begin with the hash.
  if (signature.signature.any.hashAlg != signing_hash(ak))
    return fail(Code::signature_hash,
                "the signature is over another hash than the AK's scheme has");
  switch (signature.sigAlg) {
    case TPM2_ALG_ECDSA:
      return check_ecdsa(ak, signed_octets, signature.signature.ecdsa);
    case TPM2_ALG_RSASSA:
      return check_rsa(ak, signed_octets, signature.signature.rsassa, false);
    case TPM2_ALG_RSAPSS:
      return check_rsa(ak, signed_octets, signature.signature.rsapss, true);
    default:
      return fail(Code::signature_scheme, "an AK signs by ECDSA, RSASSA or RSAPSS");
  }
}

}  // namespace mintmark::attest::tpm2
