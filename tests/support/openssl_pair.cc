#include "support/openssl_pair.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdexcept>

namespace mintmark::test {
namespace {

using jose::Algorithm;

constexpr std::size_t rsa_bits = 2048;
constexpr int pss_salt_octets = 32;

EVP_PKEY* generate(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256:
      return EVP_EC_gen("P-256");
    case Algorithm::es384:
      return EVP_EC_gen("P-384");
    case Algorithm::rs256:
    case Algorithm::ps256:
      return EVP_RSA_gen(rsa_bits);
    case Algorithm::ed25519:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return nullptr;
}

const EVP_MD* hash_of(Algorithm algorithm) {
  if (algorithm == Algorithm::ed25519) return nullptr;  // It has its own inside.
  return algorithm == Algorithm::es384 ? EVP_sha384() : EVP_sha256();
}

bool set_padding(EVP_PKEY_CTX* context, Algorithm algorithm) {
  return algorithm != Algorithm::ps256 ||
         (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
          EVP_PKEY_CTX_set_rsa_pss_saltlen(context, pss_salt_octets) == 1);
}

}  // namespace

std::shared_ptr<EVP_PKEY> make_openssl_pair(Algorithm algorithm) {
  std::shared_ptr<EVP_PKEY> pair(generate(algorithm), &EVP_PKEY_free);
  if (!pair) throw std::runtime_error("OpenSSL makes no key");
  return pair;
}

jose::PublicKey public_half(EVP_PKEY* pair, Algorithm algorithm) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(pair, &der);
  if (length <= 0) throw std::runtime_error("OpenSSL shows no public key");
  const Bytes spki(der, der + length);
  OPENSSL_free(der);
  return jose::PublicKey::from_spki(spki, algorithm).value();
}

Bytes sign_by_openssl(EVP_PKEY* pair, Algorithm algorithm, BytesView octets) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  EVP_PKEY_CTX* of_key = nullptr;
  Bytes signature(static_cast<std::size_t>(EVP_PKEY_get_size(pair)));
  std::size_t length = signature.size();
  if (EVP_DigestSignInit(context.get(), &of_key, hash_of(algorithm), nullptr, pair) != 1 ||
      !set_padding(of_key, algorithm) ||
      EVP_DigestSign(context.get(), signature.data(), &length, octets.data(), octets.size()) != 1) {
    throw std::runtime_error("OpenSSL makes no signature");
  }
  signature.resize(length);
  return signature;
}

Bytes sign_as_jws(EVP_PKEY* pair, Algorithm algorithm, BytesView octets) {
  Bytes signature = sign_by_openssl(pair, algorithm, octets);
  if (algorithm != Algorithm::es256 && algorithm != Algorithm::es384) return signature;
  return jose::signature_from_der(algorithm, signature).value();
}

}  // namespace mintmark::test
