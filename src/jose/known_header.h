// A signer writes the same header every time: read and verified once, it need not be parsed again.
#pragma once

#include <string>
#include <string_view>

#include "jose/jws.h"

namespace mintmark::jose {

/// The header of a compact JWS that verified, in its octets, and the key that verified it.
/// Immutable; thread-safe.
class KnownHeader {
 public:
  /// `verified` came of `compact`.
  KnownHeader(std::string_view compact, const VerifiedJws& verified);

  /// base64url, as it stands in the JWS.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const PublicKey& key() const { return key_; }
  /// That JWS has this header, octet for octet.
  [[nodiscard]] bool begins(std::string_view compact) const;
  /// The claims of a JWS that begins with it; else, and where it is none, `jws_malformed`, as
  /// UnverifiedJws::parse has it. `jws_signature_invalid`.
  [[nodiscard]] Result<Json> verified_claims(std::string_view compact,
                                             const JwsLimits& limits = {}) const;

 private:
  std::string text_;
  PublicKey key_;
};

}  // namespace mintmark::jose
