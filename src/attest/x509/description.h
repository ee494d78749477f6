// What a certificate says, for people and for tests: nothing of it is believed.
#pragma once

#include "attest/x509/certificate.h"
#include "base/json.h"

namespace mintmark::attest::x509 {

/// {"subject", "issuer", "serial", "notBefore", "notAfter", "sigalg", "key": [type, bits], "eku",
/// "ku", "sha256"} in OpenSSL's words; names as RFC 4514, "" where empty; "eku" and "ku" are arrays
/// of at most one text that lists them. "aia" where the certificate names its issuer's place.
[[nodiscard]] Json describe(const X509* certificate);

}  // namespace mintmark::attest::x509
