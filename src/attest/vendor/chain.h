// A certificate's chain to a root that somebody trusts (RFC 5280 §6).
#pragma once

#include <string>
#include <vector>

#include "attest/tpm2/trust.h"
#include "base/time.h"

namespace mintmark::attest::vendor {

/// The root's fingerprint (lower-case hex SHA-256 of its DER). `helpers` are trusted for nothing.
/// `vendor_attestation_expired` (also: not valid yet), `vendor_attestation_chain` says what else is
/// wrong.
[[nodiscard]] Result<std::string> check_chain(X509* leaf,
                                              const std::vector<tpm2::Certificate>& helpers,
                                              const tpm2::EkTrust& roots, Moment now);

}  // namespace mintmark::attest::vendor
