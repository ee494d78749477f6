// Google's list of attestation certificates that were revoked or suspended
// (developer.android.com/privacy-and-security/security-key-attestation#certificate_status):
// https://android.googleapis.com/attestation/status, fetched by the operator.
#pragma once

#include <openssl/x509.h>

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace mintmark::attest::android_key {

enum class CertificateStatus : std::uint8_t { good, suspended, revoked };

/// Immutable; thread-safe.
class RevocationList {
 public:
  /// {"entries": {SERIAL: {"status": "REVOKED" | "SUSPENDED", "reason": …}}}, at most 16 MiB; other
  /// members mean nothing here. "" is a list without entries. A status that is neither is an error
  /// and no guess. `android_revocation_list`
  [[nodiscard]] static Result<RevocationList> parse(std::string_view json);

  /// By its serial number in decimal and in hexadecimal without leading zeros: the list has both
  /// spellings and does not say which one an entry is in. Where both are listed the harder one
  /// counts.
  [[nodiscard]] CertificateStatus status_of(const X509* certificate) const;
  [[nodiscard]] CertificateStatus status_of(const ASN1_INTEGER* serial) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  std::map<std::string, CertificateStatus, std::less<>> entries_;
};

}  // namespace mintmark::attest::android_key
