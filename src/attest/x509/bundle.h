// A file of certificates as strangers send it. Pure; thread-safe.
#pragma once

#include <vector>

#include "attest/x509/certificate.h"

namespace mintmark::attest::x509 {

/// The certificates of a PEM text or of one DER, each as DER, in its order. None: there is none,
/// one is damaged, or the octets are more than `most` such certificates need. What
/// parse_certificate refuses may be among them: whoever reads what they say asks that of each.
[[nodiscard]] std::vector<Bytes> der_of_all(BytesView content, std::size_t most);

}  // namespace mintmark::attest::x509
