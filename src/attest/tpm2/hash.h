// The hashes of TPMs: those that are taken here, and those that are read to say why not.
#pragma once

#include <openssl/evp.h>
#include <tss2/tss2_tpm2_types.h>

#include <array>
#include <optional>

#include "attest/digest.h"
#include "base/bytes.h"

namespace mintmark::attest::tpm2 {

struct Hash {
  TPM2_ALG_ID id;
  const char* name;  ///< "sha256", as in configuration.
  std::size_t size;
  const EVP_MD* (*md)();

  [[nodiscard]] Bytes digest(BytesView octets) const { return digest_by(md(), octets); }
  [[nodiscard]] Bytes hmac(BytesView key, BytesView octets) const {
    return hmac_by(md(), key, octets);
  }
};

inline constexpr std::array hashes = {Hash{TPM2_ALG_SHA256, "sha256", 32, &EVP_sha256},
                                      Hash{TPM2_ALG_SHA384, "sha384", 48, &EVP_sha384}};

/// All that evidence may name: SHA-1 and SHA-512 are read, so that a refusal can say whether the
/// rest is right, and never taken.
inline constexpr std::array known_hashes = {Hash{TPM2_ALG_SHA1, "sha1", 20, &EVP_sha1}, hashes[0],
                                            hashes[1],
                                            Hash{TPM2_ALG_SHA512, "sha512", 64, &EVP_sha512}};

[[nodiscard]] inline std::optional<Hash> known_hash(TPM2_ALG_ID id) {
  for (const Hash& hash : known_hashes) {
    if (hash.id == id) return hash;
  }
  return std::nullopt;
}
/// Of those that are taken.
[[nodiscard]] inline std::optional<Hash> hash_of(TPM2_ALG_ID id) {
  for (const Hash& hash : hashes) {
    if (hash.id == id) return hash;
  }
  return std::nullopt;
}
[[nodiscard]] inline std::optional<Hash> hash_named(std::string_view name) {
  for (const Hash& hash : hashes) {
    if (name == hash.name) return hash;
  }
  return std::nullopt;
}

}  // namespace mintmark::attest::tpm2
