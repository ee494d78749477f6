// The hashes that are taken here; SHA-1 is not one of them.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <tss2/tss2_tpm2_types.h>

#include <array>
#include <optional>

#include "base/bytes.h"

namespace mintmark::attest::tpm2 {

struct Hash {
  TPM2_ALG_ID id;
  const char* name;  ///< "sha256", as in configuration.
  std::size_t size;
  const EVP_MD* (*md)();

  [[nodiscard]] Bytes digest(BytesView octets) const {
    Bytes out(size);
    EVP_Digest(octets.data(), octets.size(), out.data(), nullptr, md(), nullptr);
    return out;
  }
  [[nodiscard]] Bytes hmac(BytesView key, BytesView octets) const {
    Bytes out(size);
    unsigned length = 0;
    HMAC(md(), key.data(), static_cast<int>(key.size()), octets.data(), octets.size(), out.data(),
         &length);
    return out;
  }
};

inline constexpr std::array hashes = {Hash{TPM2_ALG_SHA256, "sha256", 32, &EVP_sha256},
                                      Hash{TPM2_ALG_SHA384, "sha384", 48, &EVP_sha384}};

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
