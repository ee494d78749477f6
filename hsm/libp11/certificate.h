// X.509 certificates as an operator has them: in a file, on a token.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace mintmark::hsm::libp11 {

struct CertificateFacts {
  std::string subject;  ///< RFC 2253.
  std::string issuer;
  std::string serial;           ///< Hexadecimal.
  std::int64_t not_before = 0;  ///< Unix seconds.
  std::int64_t not_after = 0;
  Bytes public_key;  ///< SubjectPublicKeyInfo, DER.
  Bytes der;
};

/// One certificate, PEM or DER. `certificate_malformed`: none, a damaged one, or several.
[[nodiscard]] Result<CertificateFacts> read_certificate(std::string_view text);
/// From DER alone.
[[nodiscard]] Result<CertificateFacts> facts_of_certificate(BytesView der);

}  // namespace mintmark::hsm::libp11
