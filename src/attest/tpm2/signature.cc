#include "attest/tpm2/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <memory>

#include "attest/tpm2/hash.h"

namespace mintmark::attest::tpm2 {
namespace {

struct Free {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(ECDSA_SIG* pair) const { ECDSA_SIG_free(pair); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

constexpr std::uint32_t default_exponent = 65537;
constexpr std::size_t p256_field = 32;
constexpr std::size_t p384_field = 48;

tl::unexpected<Error> invalid() {
  ERR_clear_error();
  return fail(Code::signature_invalid, "the AK did not make this signature");
}

std::size_t field_of(TPM2_ECC_CURVE curve) {
  return curve == TPM2_ECC_NIST_P256 ? p256_field : curve == TPM2_ECC_NIST_P384 ? p384_field : 0;
}

// Appends left-padded with zeros; false if longer than the field.
bool append_padded(Bytes& to, const TPM2B_ECC_PARAMETER& number, std::size_t field) {
  if (number.size > field) return false;
  to.insert(to.end(), field - number.size, 0);
  to.insert(to.end(), number.buffer, number.buffer + number.size);
  return true;
}

// r and s as a TPM gives them, padded or not, as DER (RFC 3279 §2.2.3).
Result<Bytes> ecdsa_der(const TPMS_SIGNATURE_ECDSA& signature, std::size_t field) {
  const Owned<ECDSA_SIG> pair(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(signature.signatureR.buffer, signature.signatureR.size, nullptr);
  BIGNUM* s = BN_bin2bn(signature.signatureS.buffer, signature.signatureS.size, nullptr);
  if (signature.signatureR.size > field || signature.signatureS.size > field || !pair ||
      ECDSA_SIG_set0(pair.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return invalid();
  }
  std::uint8_t* octets = nullptr;
  const int length = i2d_ECDSA_SIG(pair.get(), &octets);
  if (length <= 0) return invalid();
  Bytes der(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

Owned<EVP_PKEY> key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  return Owned<EVP_PKEY>(key);
}

Owned<EVP_PKEY> rsa_key(const TPMT_PUBLIC& area) {
  const std::uint32_t exponent = area.parameters.rsaDetail.exponent == 0
                                     ? default_exponent
                                     : area.parameters.rsaDetail.exponent;
  const Owned<BIGNUM> n(BN_bin2bn(area.unique.rsa.buffer, area.unique.rsa.size, nullptr));
  const Owned<BIGNUM> e(BN_new());
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_set_word(e.get(), exponent) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  return key_from("RSA", builder.get());
}

Owned<EVP_PKEY> ecc_key(const TPMT_PUBLIC& area) {
  const auto point = point_of(area);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  const char* group = field_of(area.parameters.eccDetail.curveID) == p256_field
                          ? SN_X9_62_prime256v1
                          : SN_secp384r1;
  if (!point || !builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point->data(),
                                       point->size()) != 1) {
    return nullptr;
  }
  return key_from("EC", builder.get());
}

Result<void> verify_octets(EVP_PKEY* key, const Hash& hash, BytesView signed_octets,
                           BytesView signature, int rsa_padding) {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  if (!context || EVP_DigestVerifyInit(context.get(), &parameters, hash.md(), nullptr, key) != 1)
    return invalid();
  if (rsa_padding != 0 && EVP_PKEY_CTX_set_rsa_padding(parameters, rsa_padding) != 1)
    return invalid();
  // TPMs before revision 1.59 fill PSS with the longest salt, later ones with the digest's length.
  if (rsa_padding == RSA_PKCS1_PSS_PADDING &&
      EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_AUTO) != 1)
    return invalid();
  if (EVP_DigestVerify(context.get(), signature.data(), signature.size(), signed_octets.data(),
                       signed_octets.size()) != 1)
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

PublicKey openssl_key_of(const TPMT_PUBLIC& area) {
  Owned<EVP_PKEY> key = area.type == TPM2_ALG_RSA   ? rsa_key(area)
                        : area.type == TPM2_ALG_ECC ? ecc_key(area)
                                                    : nullptr;
  ERR_clear_error();
  return {key.release(), &EVP_PKEY_free};
}

Result<void> verify_signature(EVP_PKEY* key, BytesView signed_octets,
                              const TPMT_SIGNATURE& signature) {
  const bool rsa = EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
  const bool by_rsa = signature.sigAlg == TPM2_ALG_RSASSA || signature.sigAlg == TPM2_ALG_RSAPSS;
  if ((!by_rsa && signature.sigAlg != TPM2_ALG_ECDSA) || by_rsa != rsa ||
      (!rsa && EVP_PKEY_is_a(key, "EC") != 1))
    return fail(Code::signature_scheme, "the signature is of another scheme than the key's type");
  // All members of the union begin with the hash.
  const auto hash = known_hash(signature.signature.any.hashAlg);
  if (!hash) return fail(Code::signature_hash, "the signature's hash is not known here");
  if (by_rsa) {
    const TPMS_SIGNATURE_RSA& octets = signature.signature.rsassa;
    return verify_octets(
        key, *hash, signed_octets, {octets.sig.buffer, octets.sig.size},
        signature.sigAlg == TPM2_ALG_RSAPSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
  }
  const auto field = static_cast<std::size_t>((EVP_PKEY_get_bits(key) + 7) / 8);
  auto der = ecdsa_der(signature.signature.ecdsa, field);
  if (!der) return pass_on(der);
  return verify_octets(key, *hash, signed_octets, *der, 0);
}

Result<void> check_signature(const TPMT_PUBLIC& ak, BytesView signed_octets,
                             const TPMT_SIGNATURE& signature) {
  if (signature.sigAlg != signing_scheme(ak))
    return fail(Code::signature_scheme, "the signature is of another scheme than the AK's");
  const TPM2_ALG_ID hash = signature.signature.any.hashAlg;
  if (hash != signing_hash(ak))
    return fail(Code::signature_hash,
                "the signature is over another hash than the AK's scheme has");
  if (!hash_of(hash))
    return fail(Code::signature_hash, "the signature's hash is neither SHA-256 nor SHA-384");
  const PublicKey key = openssl_key_of(ak);
  if (!key) return invalid();
  // A TPM may pair a curve with another hash, and no fleet we know does.
  const bool p256 = ak.parameters.eccDetail.curveID == TPM2_ECC_NIST_P256;
  if (ak.type == TPM2_ALG_ECC && hash != (p256 ? TPM2_ALG_SHA256 : TPM2_ALG_SHA384))
    return fail(Code::signature_hash,
                "ECDSA on P-256 is taken with SHA-256, on P-384 with SHA-384");
  return verify_signature(key.get(), signed_octets, signature);
}

}  // namespace mintmark::attest::tpm2
