// ATTESTATION_REPORT (AMD 56860, SEV-SNP Firmware ABI, §7.3 table 23), as a guest shows it. Pure;
// thread-safe.
#pragma once

#include <array>

#include "base/bytes.h"

namespace mintmark::attest::sev_snp {

inline constexpr std::size_t report_size = 1184;
inline constexpr std::uint32_t oldest_version = 2;
inline constexpr std::uint32_t newest_version = 5;
inline constexpr std::uint32_t ecdsa_p384_sha384 = 1;

/// TCB_VERSION, its octets as they stand in the report: what each is depends on the product
/// (key_certificate.h).
using Tcb = std::array<std::uint8_t, 8>;

/// Who signed (flags, SIGNING_KEY).
enum class SigningKey : std::uint8_t { vcek = 0, vlek = 1, none = 7 };

/// What a report says; nothing of it is believed before check_report.
struct Report {
  std::uint32_t version = 0;
  std::uint32_t guest_svn = 0;
  std::uint64_t policy = 0;
  std::uint32_t vmpl = 0;
  std::uint32_t signature_algo = 0;
  Tcb current_tcb{};
  std::uint64_t platform_info = 0;
  std::uint32_t flags = 0;
  std::array<std::uint8_t, 64> report_data{};
  std::array<std::uint8_t, 48> measurement{};
  std::array<std::uint8_t, 32> host_data{};
  std::array<std::uint8_t, 48> author_key_digest{};
  std::array<std::uint8_t, 32> report_id{};
  std::array<std::uint8_t, 32> report_id_ma{};
  Tcb reported_tcb{};
  std::uint8_t family = 0;  ///< CPUID's, extended and base; 0 before version 3.
  std::uint8_t model = 0;
  std::array<std::uint8_t, 64> chip_id{};
  bool reserved_is_zero = false;  ///< Every reserved field and bit but those of PLATFORM_INFO.
  Bytes signed_part;              ///< 672 octets.
  Bytes signature;                ///< r || s, 48 octets each, big-endian; empty: no P-384 numbers.

  [[nodiscard]] unsigned signing_key() const { return flags >> 2U & 7U; }
  [[nodiscard]] bool has_author_key() const { return (flags & 1U) != 0; }
  [[nodiscard]] bool debug() const { return (policy >> 19U & 1U) != 0; }
  [[nodiscard]] bool migration_agent() const { return (policy >> 18U & 1U) != 0; }
};

/// `snp_report_malformed` (another size; octets behind the signature, which nobody signed),
/// `snp_version` (none of 2 to 5: what a later one says is not known here).
[[nodiscard]] Result<Report> read_report(BytesView octets);

[[nodiscard]] bool is_zero(BytesView octets);

}  // namespace mintmark::attest::sev_snp
