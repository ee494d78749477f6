// What judges of confidential guests share: their files' words. For this folder alone.
#pragma once

#include <optional>
#include <string>

#include "attest/offline/judge.h"
#include "attest/x509/certificate.h"

namespace mintmark::attest::offline {

/// "2029-09-24 00:55:28+00:00"; "" where it is no time.
[[nodiscard]] std::string time_text(const ASN1_TIME* time);
/// "0x0000000000030000" with so many digits; 0: as few as there are.
[[nodiscard]] std::string number_text(std::uint64_t number, int digits);
/// A text with PEM in its beginning; DER of a certificate or CRL.
[[nodiscard]] bool looks_like_pem(BytesView octets);
[[nodiscard]] bool looks_like_der(BytesView octets);

}  // namespace mintmark::attest::offline
