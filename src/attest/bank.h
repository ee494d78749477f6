// PCR banks: the hash algorithms of a TPM's PCRs and of the logs beside them. SHA-1 is among them,
// to be read; whether it is taken is for policy to say.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace mintmark::attest {

struct Bank {
  std::uint16_t id;       ///< TPM_ALG_ID (TCG Algorithm Registry, table 3).
  std::string_view name;  ///< "sha256", as in configuration.
  std::size_t size;       ///< Octets of a digest.
  const EVP_MD* (*md)();

  [[nodiscard]] Bytes digest(BytesView octets) const;
  /// A PCR's value after `digest` was extended into it (TPM 2.0 Part 3, 22.2).
  [[nodiscard]] Bytes extend(BytesView old, BytesView digest) const;
};

inline constexpr std::array banks = {
    Bank{0x0004, "sha1", 20, &EVP_sha1}, Bank{0x000B, "sha256", 32, &EVP_sha256},
    Bank{0x000C, "sha384", 48, &EVP_sha384}, Bank{0x000D, "sha512", 64, &EVP_sha512},
    Bank{0x0012, "sm3_256", 32, &EVP_sm3}};

/// Null where it is none of ours.
[[nodiscard]] const Bank* bank_of(std::uint16_t id);
[[nodiscard]] const Bank* bank_named(std::string_view name);

/// The value that a PCR has before anything was extended: zero, or ones in the PCRs that only a
/// dynamic launch resets (17 to 22; TCG PC Client PTP, table 5).
[[nodiscard]] Bytes initial_pcr(const Bank& bank, unsigned pcr);

}  // namespace mintmark::attest
