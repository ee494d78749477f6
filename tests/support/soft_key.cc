#include "support/soft_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdexcept>

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::test {
namespace {

constexpr std::size_t jti_octets = 16;

EVP_PKEY* generate(jose::Algorithm algorithm) {
  EVP_PKEY* pair = EVP_EC_gen(algorithm == jose::Algorithm::es256 ? "P-256" : "P-384");
  if (pair == nullptr) throw std::runtime_error("OpenSSL made no EC key");
  return pair;
}

jose::PublicKey public_half(EVP_PKEY* pair) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(pair, &der);
  if (length <= 0) throw std::runtime_error("OpenSSL encoded no public key");
  const Bytes spki(der, der + length);
  OPENSSL_free(der);
  return jose::PublicKey::from_spki(spki).value();
}

}  // namespace

SoftKey::SoftKey(jose::Algorithm algorithm)
    : algorithm_(algorithm),
      pair_(generate(algorithm), [](void* pair) { EVP_PKEY_free(static_cast<EVP_PKEY*>(pair)); }),
      public_key_(public_half(static_cast<EVP_PKEY*>(pair_.get()))) {}

Bytes SoftKey::sign_der(BytesView octets) const {
  const EVP_MD* hash = algorithm_ == jose::Algorithm::es256 ? EVP_sha256() : EVP_sha384();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  auto* pair = static_cast<EVP_PKEY*>(pair_.get());
  Bytes der(static_cast<std::size_t>(EVP_PKEY_get_size(pair)));
  std::size_t length = der.size();
  if (EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, pair) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &length, octets.data(), octets.size()) != 1) {
    throw std::runtime_error("OpenSSL made no signature");
  }
  der.resize(length);
  return der;
}

Bytes SoftKey::sign(BytesView octets) const {
  return jose::signature_from_der(algorithm_, sign_der(octets)).value();
}

std::string SoftKey::sign_jws(const Json& header, const Json& claims) const {
  const std::string input = jose::signing_input(header, claims);
  return jose::compact(input, sign(as_bytes(input)));
}

Json proof_header(const SoftKey& key) {
  return {{"typ", "dpop+jwt"},
          {"alg", jose::name_of(key.public_key().algorithm())},
          {"jwk", key.public_key().to_jwk()}};
}

Json proof_claims(const ProofContent& content) {
  Json claims = {{"jti", content.jti ? *content.jti : jose::base64url(random_bytes(jti_octets))},
                 {"htm", content.method},
                 {"htu", content.url},
                 {"iat", to_unix(content.at)}};
  if (content.access_token) claims["ath"] = jose::base64url(sha256(*content.access_token));
  if (content.nonce) claims["nonce"] = *content.nonce;
  return claims;
}

std::string make_proof(const SoftKey& key, const ProofContent& content) {
  return key.sign_jws(proof_header(key), proof_claims(content));
}

}  // namespace mintmark::test
