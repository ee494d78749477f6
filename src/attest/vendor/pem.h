// Certificates in PEM and DER.
#pragma once

#include <string_view>
#include <vector>

#include "attest/tpm2/trust.h"
#include "base/bytes.h"

namespace mintmark::attest::vendor {

/// All certificates of a PEM text, DER, in its order; at most `most_certificates`. None, a damaged
/// one or too many is `vendor_attestation_malformed`.
[[nodiscard]] Result<std::vector<Bytes>> certificates_in_pem(std::string_view text);

/// One DER certificate and nothing behind it. `vendor_attestation_malformed`.
[[nodiscard]] Result<tpm2::Certificate> certificate_in(BytesView der);

inline constexpr std::size_t most_certificates = 8;

}  // namespace mintmark::attest::vendor
