// Quotes of Intel TDX (Intel TDX DCAP Quoting Library API, appendix A: versions 4 and 5) and the
// TD's own report (Intel TDX Module ABI, TDREPORT_STRUCT), as octets have them. Pure; thread-safe.
#pragma once

#include <array>
#include <vector>

#include "base/bytes.h"

namespace mintmark::attest::tdx {

using Register = std::array<std::uint8_t, 48>;  ///< SHA-384

inline constexpr std::size_t longest_quote = 16U << 10U;
inline constexpr std::size_t most_trailing = 8U << 10U;
inline constexpr std::size_t td_report_size = 1024;

/// What the TDX module says of the TD.
struct TdReport {
  std::array<std::uint8_t, 16> tee_tcb_svn{};  ///< [0]: SVN of the module, [1]: its major version.
  Register mr_seam{};
  Register mr_signer_seam{};
  std::uint64_t seam_attributes = 0;
  std::uint64_t td_attributes = 0;
  std::uint64_t xfam = 0;
  Register mr_td{};
  Register mr_config_id{};
  Register mr_owner{};
  Register mr_owner_config{};
  std::array<Register, 4> rtmrs{};
  std::array<std::uint8_t, 64> report_data{};
  /// Of TDX 1.5 on.
  bool has_15 = false;
  std::array<std::uint8_t, 16> tee_tcb_svn_2{};
  Register mr_service_td{};
};

/// What an SGX enclave's report says (Intel SDM 3D, 38.15), of the quoting enclave here.
struct EnclaveReport {
  Bytes octets;  ///< 384, as signed.
  std::array<std::uint8_t, 16> cpu_svn{};
  std::uint32_t misc_select = 0;
  std::array<std::uint8_t, 16> attributes{};
  std::array<std::uint8_t, 32> mr_enclave{};
  std::array<std::uint8_t, 32> mr_signer{};
  std::uint16_t isv_prod_id = 0;
  std::uint16_t isv_svn = 0;
  std::array<std::uint8_t, 64> report_data{};
};

/// Nothing of it is believed before check_quote. ECDSA signatures are r || s, keys X || Y, 64
/// octets each.
struct Quote {
  std::uint16_t version = 0;  ///< 4 or 5
  std::uint16_t key_type = 0;
  std::uint32_t tee_type = 0;
  std::array<std::uint8_t, 16> qe_vendor_id{};
  std::uint16_t body_type = 0;  ///< Of version 5; 2: TDX 1.0, 3: TDX 1.5.
  std::uint32_t body_size = 0;
  TdReport report;
  Bytes signed_part;  ///< Header and body.
  std::uint32_t signature_data_size = 0;
  std::size_t trailing = 0;  ///< Octets behind the quote: nobody signed them, nobody reads them.
  Bytes signature;
  Bytes attestation_key;
  std::uint16_t certification_type = 0;
  EnclaveReport qe;
  Bytes qe_signature;
  Bytes qe_auth_data;
  std::vector<Bytes> pck_chain;  ///< DER, the leaf first.
};

/// `tdx_quote_malformed` (sizes that do not fit, too long), `tdx_version`, `tdx_tee_type`,
/// `tdx_key_type`, `tdx_vendor` (of the header), `tdx_certification_data` (not a quoting enclave's
/// report with a PCK chain in PEM inside).
[[nodiscard]] Result<Quote> read_quote(BytesView octets);

/// What a TD gets from its module before a quote is made of it.
struct LocalReport {
  TdReport report;
  /// Octets that its file lacks in front: 0, or 48 of its MAC structure, as one published file has.
  std::size_t missing = 0;
};
/// Whether it may be one: by its size, type and the fields that its module filled in.
[[nodiscard]] bool looks_like_td_report(BytesView octets);
/// Nothing in it is checked: its MAC is for the processor alone. `tdx_quote_malformed`.
[[nodiscard]] Result<LocalReport> read_td_report(BytesView octets);

[[nodiscard]] bool is_zero(BytesView octets);

}  // namespace mintmark::attest::tdx
