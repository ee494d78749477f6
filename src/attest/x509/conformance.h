// What RFC 5280 asks of certificates and OpenSSL's verification lets pass. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "attest/x509/certificate.h"

namespace mintmark::attest::x509 {

/// Where a certificate stands in a chain. An anchor is taken at the operator's word, as a name and
/// a key (RFC 5280 §6.1): what else it says is nobody's to object to.
enum class Place : std::uint8_t { leaf, authority, anchor };

/// "" or why no chain holds with this certificate in it, in words that follow its name: a version
/// that is none, what that version cannot have (RFC 5280 §4.1.2.1, §4.1.2.8, §4.1.2.9), an
/// authority without a name (§4.1.2.6), an alternative name or a name constraint that says nothing
/// or cannot be compared, constraints in what is no authority (§4.2.1.6, §4.2.1.10), a critical
/// extension that cannot be read (§4.2).
[[nodiscard]] std::string objection_to(X509* certificate, Place place);

/// What its issuer should not have done and verifiers take all the same (serial numbers, key
/// identifiers, what must be critical, extensions of revocation lists, members of a name out of
/// order): words for people. Real devices have them.
[[nodiscard]] std::vector<std::string> oddities_of(const X509* certificate);
/// The same of a revocation list: extensions that only certificates have.
[[nodiscard]] std::vector<std::string> oddities_of(const X509_CRL* crl);

}  // namespace mintmark::attest::x509
