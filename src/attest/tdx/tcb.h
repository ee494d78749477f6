// At which of Intel's TCB levels a platform, its TDX module and its quoting enclave are (Intel PCS
// API v4, "Get TDX TCB Info", evaluation of a TD's TCB status). Pure; thread-safe.
#pragma once

#include "attest/tdx/collateral.h"
#include "attest/tdx/pck.h"

namespace mintmark::attest::tdx {

/// Signed by Intel's key for modules, with attributes that Intel lets it have. `tdx_module`; also
/// where a module of a version that Intel does not know says it.
[[nodiscard]] Result<void> check_module(const TdReport& report, const TcbInfo& info);
/// The same without TCB info, by what all of Intel's modules had until now: zeros. `tdx_module`.
[[nodiscard]] Result<void> check_module(const TdReport& report);

/// The level of the platform and its module. `tdx_tcb_level`: it reaches none, `tdx_module`.
[[nodiscard]] Result<Standing> standing_of(const TdReport& report, const Pck& pck,
                                           const TcbInfo& info);

/// Intel's quoting enclave for TDs, not one that somebody else made: `tdx_qe_identity`.
[[nodiscard]] Result<void> check_qe(const EnclaveReport& qe, const QeIdentity& identity);
/// The same without Intel's document, by its signer and number, which were never others, and not
/// debugged. `tdx_qe_identity`.
[[nodiscard]] Result<void> check_qe(const EnclaveReport& qe);
/// `tdx_tcb_level`
[[nodiscard]] Result<Standing> standing_of(const EnclaveReport& qe, const QeIdentity& identity);

/// Of a whole and of a part of it: the worse word, by Intel's table; the advisories of both,
/// sorted, each once.
[[nodiscard]] Standing together(Standing whole, const Standing& part);

}  // namespace mintmark::attest::tdx
