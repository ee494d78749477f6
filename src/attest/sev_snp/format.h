// Format "sev-snp": AMD SEV-SNP attestation reports. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::sev_snp {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< ARKs as roots, ASKs and ASVKs as intermediates.
};

/// Evidence: "report" (1184 octets) and "certificates" (DER, at most 8) or "auxblob" (the host's
/// table), or both. report_data: the binding and 32 zero octets. Errors of its check: those of
/// check.h, `evidence_member`. Device: hash_fields over "sev-snp", who vouches (x509::voucher_of)
/// and the report_id, which a guest has from its launch to its end.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::sev_snp
