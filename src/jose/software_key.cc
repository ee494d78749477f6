#include "jose/software_key.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace mintmark::jose {
namespace {

// A private key is 32 octets; the rest is room for keys that end while others begin.
constexpr std::size_t secure_octets = 1U << 16U;
constexpr std::size_t smallest_piece = 32;

EVP_PKEY* key_of(const SoftwarePair& pair) { return static_cast<EVP_PKEY*>(pair.get()); }

}  // namespace

bool secure_keys() {
  const bool locked = CRYPTO_secure_malloc_init(secure_octets, smallest_piece) == 1;
  ERR_clear_error();
  return locked;
}

SoftwarePair new_pair() {
  EVP_PKEY* made = EVP_EC_gen("P-256");
  if (made == nullptr) ERR_clear_error();
  return {made, [](void* pair) { EVP_PKEY_free(static_cast<EVP_PKEY*>(pair)); }};
}

std::optional<PublicKey> public_half(const SoftwarePair& pair) {
  std::uint8_t* encoded = nullptr;
  const int size = i2d_PUBKEY(key_of(pair), &encoded);
  if (size <= 0) {
    ERR_clear_error();
    return std::nullopt;
  }
  const Bytes spki(encoded, encoded + size);
  OPENSSL_free(encoded);
  auto key = PublicKey::from_spki(spki);
  return key ? std::optional(std::move(*key)) : std::nullopt;
}

std::optional<Bytes> sign_es256(const SoftwarePair& pair, BytesView octets) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const auto longest = static_cast<std::size_t>(EVP_PKEY_get_size(key_of(pair)));
  Bytes der(longest);
  std::size_t size = longest;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_of(pair)) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size, octets.data(), octets.size()) != 1 ||
      // OpenSSL 3.0 without memory says that all went well, and that it wrote 2^32 - 1 octets.
      size > longest) {
    ERR_clear_error();
    return std::nullopt;
  }
  der.resize(size);
  auto signature = signature_from_der(Algorithm::es256, der);
  return signature ? std::optional(std::move(*signature)) : std::nullopt;
}

}  // namespace mintmark::jose
