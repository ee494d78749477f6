// What PublicKey is made of, one file a kind of key. Of this folder alone.
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>

#include "jose/key.h"

namespace mintmark::jose {

/// A key that has passed its kind's checks. Immutable; `verify` runs in many threads.
struct KeyParts {
  KeyParts(Algorithm of, std::string canonical_jwk);
  KeyParts(const KeyParts&) = delete;
  KeyParts& operator=(const KeyParts&) = delete;
  virtual ~KeyParts() = default;

  [[nodiscard]] virtual Json jwk() const = 0;
  [[nodiscard]] virtual Bytes spki() const = 0;
  [[nodiscard]] virtual Bytes point() const { return {}; }
  [[nodiscard]] virtual bool verify(BytesView octets, BytesView signature) const = 0;

  const Algorithm algorithm;
  const std::string thumbprint;  ///< Of `canonical_jwk` (RFC 7638 §3).
};

using Parts = Result<std::shared_ptr<const KeyParts>>;

/// A JWK's text member; "" where it is absent or no string.
[[nodiscard]] std::string text_of(const Json& jwk, const char* name);
/// A member in base64url; `jwk_malformed` where it is absent, no string or no base64url.
[[nodiscard]] Result<Bytes> octets_of(const Json& jwk, const char* name);
/// RFC 7517 §4.4: a JWK that names another algorithm than this one is `jwk_unsupported`.
[[nodiscard]] Result<void> refuse_other_alg(const Json& jwk, Algorithm algorithm);

[[nodiscard]] Parts ec_from_jwk(const Json& jwk);
[[nodiscard]] Parts ec_from_point(Algorithm algorithm, BytesView point);
[[nodiscard]] Parts ec_from_pkey(const EVP_PKEY* key);

[[nodiscard]] Parts rsa_from_jwk(const Json& jwk, std::optional<Algorithm> used_with);
[[nodiscard]] Parts rsa_from_numbers(BytesView modulus, BytesView exponent, Algorithm algorithm);
[[nodiscard]] Parts rsa_from_pkey(const EVP_PKEY* key, std::optional<Algorithm> used_with);

[[nodiscard]] Parts okp_from_jwk(const Json& jwk);
[[nodiscard]] Parts okp_from_octets(BytesView octets);
[[nodiscard]] Parts okp_from_pkey(const EVP_PKEY* key);

struct FreeOpenSsl {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
template <typename T>
using OwnedBy = std::unique_ptr<T, FreeOpenSsl>;

/// SubjectPublicKeyInfo of a key; empty where OpenSSL has no memory.
[[nodiscard]] Bytes spki_of(EVP_PKEY* key);

}  // namespace mintmark::jose
