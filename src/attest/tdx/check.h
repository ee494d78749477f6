// What a quote proves: the TDX module's words, signed by a key of Intel's quoting enclave on a
// platform that Intel certified; and what Intel says of that platform's firmware. Pure;
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "attest/facts.h"
#include "attest/tdx/collateral.h"
#include "attest/tdx/pck.h"
#include "attest/tdx/quote.h"
#include "attest/x509/chain.h"

namespace mintmark::attest::tdx {

/// By the attestation key in the quote. `tdx_signature` (also where that is no point of P-256).
[[nodiscard]] Result<void> check_signature(const Quote& quote);
/// By the PCK leaf. `tdx_pck_certificate` (no key on P-256), `tdx_qe_report_signature`.
[[nodiscard]] Result<void> check_qe_signature(const Quote& quote, const X509* pck);
/// The quoting enclave's report vouches for the attestation key. `tdx_qe_report_data`.
[[nodiscard]] Result<void> check_qe_report_data(const Quote& quote);

/// A quote whose signatures and chain hold.
struct Checked {
  Quote quote;
  std::vector<x509::Certificate> pck_chain;  ///< The leaf first, as it came.
  Pck pck;
  x509::Chain chain;
};

/// Errors: of the functions above, read_quote, read_pck, of chains in general (x509/chain.h).
[[nodiscard]] Result<Checked> check_quote(BytesView octets, const x509::Trust& trust, Moment now);

/// report_data must be these octets and zeros behind them. `tdx_report_data`.
[[nodiscard]] Result<void> check_report_data(const TdReport& report, BytesView challenge);

struct Rules {
  bool debug_allowed = false;
  bool collateral_required = false;
};
/// What no good TD has. `tdx_debug` (any attribute of the group "TD under debug"), `tdx_reserved`.
[[nodiscard]] Result<void> check_rules(const TdReport& report, const Rules& rules);

/// What Intel says of the platform, and what nobody looked at.
struct Appraisal {
  std::string tcb_status = "not_evaluated";
  std::vector<std::string> advisories;
  std::vector<std::string> not_evaluated;  ///< Sorted.
};
/// Quoting enclave and TDX module are held against Intel's documents where these are there, signed
/// and of this time, and against what all of Intel's had until now where not. Refused:
/// `tdx_module`, `tdx_qe_identity`, `tdx_tcb_level`, `tdx_tcb_revoked`, `certificate_revoked`,
/// `tdx_collateral_signature` (a CRL's, or the chain of a document's signer); where collateral is
/// required also `tdx_collateral_missing`, `tdx_fmspc` (there is TCB info, but of other platforms),
/// `tdx_collateral_expired`.
[[nodiscard]] Result<Appraisal> appraise(const Checked& checked, const Collateral& collateral,
                                         const x509::Trust& trust, const Rules& rules, Moment now);

[[nodiscard]] Facts facts_of(const Checked& checked, const Appraisal& appraisal);

}  // namespace mintmark::attest::tdx
