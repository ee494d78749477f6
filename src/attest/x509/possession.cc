#include "attest/x509/possession.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

namespace mintmark::attest::x509 {
namespace {

using jose::Algorithm;

constexpr int pss_salt_octets = 32;  // RFC 7518 §3.5

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> scheme(const std::string& what) {
  return fail(Code::x509_signature_scheme, what);
}

Bytes number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  const Owned<BIGNUM> owned(number);
  if (!owned) return {};
  Bytes octets(static_cast<std::size_t>(BN_num_bytes(owned.get())));
  BN_bn2bin(owned.get(), octets.data());
  return octets;
}

// OpenSSL refuses what the key's own parameters do not allow.
bool allows_ps256(EVP_PKEY* key) {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* of_key = nullptr;
  return context && EVP_DigestVerifyInit(context.get(), &of_key, EVP_sha256(), nullptr, key) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(of_key, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, pss_salt_octets) == 1;
}

// jose knows rsaEncryption alone: a key for RSASSA-PSS is one that never signs otherwise.
Result<jose::PublicKey> pss_key(EVP_PKEY* key, Algorithm algorithm) {
  if (algorithm != Algorithm::ps256)
    return scheme("the certificate's key is for RSASSA-PSS alone: PS256 would be right");
  if (!allows_ps256(key))
    return scheme(
        "the certificate's key allows no PS256: its parameters want another hash or a longer salt");
  auto read = jose::PublicKey::from_rsa(number_of(key, OSSL_PKEY_PARAM_RSA_N),
                                        number_of(key, OSSL_PKEY_PARAM_RSA_E), algorithm);
  if (!read) return scheme("the certificate's key: " + read.error().detail);
  return read;
}

Result<jose::PublicKey> signing_key(BytesView spki, Algorithm algorithm) {
  const std::uint8_t* at = spki.data();
  const Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  auto read = key && EVP_PKEY_is_a(key.get(), "RSA-PSS") == 1
                  ? pss_key(key.get(), algorithm)
                  : jose::PublicKey::from_spki(spki, algorithm);
  ERR_clear_error();
  if (!read) return scheme(read.error().detail);
  if (read->algorithm() == algorithm) return read;
  return scheme("the certificate's key signs " + std::string(jose::name_of(read->algorithm())) +
                ", not " + std::string(jose::name_of(algorithm)));
}

}  // namespace

Result<jose::PublicKey> check_possession(BytesView spki, std::string_view alg, BytesView binding,
                                         BytesView signature) {
  const auto algorithm = jose::algorithm_named(alg);
  if (!algorithm)
    return scheme("evidence.alg must be one of " + jose::all_algorithm_names() +
                  ", and fit the certificate's key");
  auto key = signing_key(spki, *algorithm);
  if (!key) return key;
  if (key->verify(binding, signature)) return key;
  return fail(Code::x509_possession,
              "the signature is not the certificate's key's over the 32 octets of the binding of "
              "this ticket, this issuer's URL and the token's key");
}

}  // namespace mintmark::attest::x509
