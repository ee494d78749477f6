// What a report proves: signed by a chip's or a provider's key that AMD certified for just this
// firmware. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "attest/facts.h"
#include "attest/sev_snp/key_certificate.h"
#include "attest/x509/chain.h"
#include "base/time.h"

namespace mintmark::attest::sev_snp {

/// Certificates that may come beside a report, the table's and those alone together.
inline constexpr std::size_t most_certificates = 16;

/// What came beside a report, sorted: the one that certifies its signing key, and the rest.
struct Beside {
  KeyCertificate key;
  std::vector<x509::Certificate> helpers;
};

/// DER, in any order; the same certificate may come twice. `snp_certificates_malformed` (one is
/// none or has too large a key, there are too many, or two keys of the same kind),
/// `snp_key_certificate_missing`, `snp_signing_key` (the report is unsigned, or its signer is of
/// the other kind); errors of read_key_certificate.
[[nodiscard]] Result<Beside> sort_certificates(const std::vector<Bytes>& certificates,
                                               const Report& report);

/// Whether the key of the certificate signed the report. `snp_signature_algorithm`,
/// `snp_key_certificate` (no P-384 key), `snp_signature`.
[[nodiscard]] Result<void> check_signature(const Report& report, const KeyCertificate& key);

/// A report that its chain vouches for.
struct Checked {
  Report report;
  Beside beside;
  x509::Chain chain;
};

/// `octets` with the certificates beside them. Errors: of the functions above and read_report;
/// of chains in general (x509/chain.h); `snp_product`, `snp_chip_id`, `snp_tcb`: the certificate is
/// of another processor line, chip or firmware.
[[nodiscard]] Result<Checked> check_report(BytesView octets, const std::vector<Bytes>& certificates,
                                           const x509::Trust& trust, Moment now);

/// report_data must be these octets and zeros behind them. `snp_report_data`.
[[nodiscard]] Result<void> check_report_data(const Report& report, BytesView challenge);

struct Rules {
  bool debug_allowed = false;
};
/// What no good guest has. `snp_reserved`, `snp_vmpl` (above 3: the host asked, not the guest),
/// `snp_debug`, `snp_migration_agent`.
[[nodiscard]] Result<void> check_rules(const Report& report, const Rules& rules);

/// Parts of the evidence and of AMD's collateral that nobody looked at; sorted.
[[nodiscard]] std::vector<std::string> not_evaluated(const Report& report,
                                                     const x509::Trust* trust);

[[nodiscard]] Facts facts_of(const Checked& checked, const x509::Trust& trust);

}  // namespace mintmark::attest::sev_snp
