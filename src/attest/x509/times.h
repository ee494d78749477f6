// Times of certificates.
#pragma once

#include <openssl/asn1.h>

#include "base/time.h"

namespace mintmark::attest::x509 {

/// 1970 for what is no time.
[[nodiscard]] Moment moment_of(const ASN1_TIME* time);

}  // namespace mintmark::attest::x509
