// What Intel publishes about platforms (Intel SGX and TDX Provisioning Certification Service, API
// v4): TCB info, identity of the quoting enclave, their signing certificate, CRLs; from files.
// Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/tdx/quote.h"
#include "attest/x509/certificate.h"
#include "base/time.h"

namespace mintmark::attest::tdx {

inline constexpr std::size_t longest_collateral_file = 4U << 20U;

/// Intel's word for a TCB level; a worse one has a higher number.
enum class TcbStatus : std::uint8_t {
  up_to_date,
  sw_hardening_needed,
  configuration_needed,
  configuration_and_sw_hardening_needed,
  out_of_date,
  out_of_date_configuration_needed,
  revoked,
};
[[nodiscard]] const char* name_of(TcbStatus status);  ///< "UpToDate"

struct Standing {
  TcbStatus status = TcbStatus::revoked;
  std::vector<std::string> advisories;  ///< "INTEL-SA-01036"
};
/// A level of the whole platform: it is reached where no component is below.
struct TcbLevel {
  std::array<std::uint8_t, 16> sgx{};
  std::array<std::uint8_t, 16> tdx{};
  std::uint16_t pce_svn = 0;
  Standing standing;
};
/// A level of one enclave or module.
struct SvnLevel {
  std::uint16_t isv_svn = 0;
  Standing standing;
};
/// A TDX module: by whom it is signed, and with which attributes.
struct Module {
  std::string id;  ///< "TDX_01"; "" of the one before there were versions.
  Register mr_signer{};
  std::array<std::uint8_t, 8> attributes{};
  std::array<std::uint8_t, 8> attributes_mask{};
  std::vector<SvnLevel> levels;
};

/// A document's own life, and who signed it.
struct Signed {
  Moment issued{};
  Moment next_update{};
  std::int64_t evaluation = 0;  ///< tcbEvaluationDataNumber
  Bytes octets;                 ///< The object's text as it was served: what is signed.
  Bytes signature;              ///< r || s
  /// Of Collateral::signers, whose key verifies it; nothing: no signer is there.
  std::optional<std::size_t> signer;
};
struct TcbInfo : Signed {
  std::array<std::uint8_t, 6> fmspc{};
  std::array<std::uint8_t, 2> pce_id{};
  Module module;
  std::vector<Module> identities;
  std::vector<TcbLevel> levels;  ///< As served: the best first.
};
struct QeIdentity : Signed {
  std::array<std::uint8_t, 4> misc_select{};
  std::array<std::uint8_t, 4> misc_select_mask{};
  std::array<std::uint8_t, 16> attributes{};
  std::array<std::uint8_t, 16> attributes_mask{};
  std::array<std::uint8_t, 32> mr_signer{};
  std::uint16_t isv_prod_id = 0;
  std::vector<SvnLevel> levels;
};

/// Immutable after read_collateral.
struct Collateral {
  std::vector<TcbInfo> tcb_infos;
  std::vector<QeIdentity> qe_identities;
  std::vector<x509::Certificate> signers;      ///< "Intel SGX TCB Signing".
  std::vector<x509::Certificate> authorities;  ///< Helpers between those and a root.
  std::vector<x509::Crl> crls;

  /// The newest for that platform; nullptr where there is none.
  [[nodiscard]] const TcbInfo* tcb_info_of(BytesView fmspc, BytesView pce_id) const;
  [[nodiscard]] const QeIdentity* qe_identity() const;
};

/// Files told apart by what is in them, in any order: JSON, PEM or DER. Certificates that are
/// neither an authority's nor a TCB signer's are passed over. `tdx_collateral_malformed`;
/// `tdx_collateral_signature` where signers are there and none of them signed a document.
[[nodiscard]] Result<Collateral> read_collateral(const std::vector<Bytes>& files);

/// One response: {"tcbInfo": {…}, "signature": "…"}, and the same of "enclaveIdentity".
/// `tdx_collateral_malformed`. Nobody has checked the signature then.
[[nodiscard]] Result<TcbInfo> read_tcb_info(std::string_view text);
[[nodiscard]] Result<QeIdentity> read_qe_identity(std::string_view text);

}  // namespace mintmark::attest::tdx
