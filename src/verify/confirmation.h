// What a token is bound to (RFC 7800 §3.1): a DPoP key, a certificate, or both.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::verify {

inline constexpr std::size_t certificate_octets = 16U << 10U;  ///< The longest that is looked at.

/// At least one of them is not "".
struct Confirmation {
  std::string jkt;                     ///< RFC 9449 §6.1.
  std::string certificate_thumbprint;  ///< `x5t#S256` (RFC 8705 §3.1): 43 characters of base64url.
};

/// `cnf` of these claims. Members that are not known here say nothing (RFC 7800 §3.1) beside one
/// that is. `token_unbound`: there is no known one, or it is empty. `token_malformed`: no object, a
/// member that is no text, a thumbprint that is none.
[[nodiscard]] Result<Confirmation> read_confirmation(const Json& claims);

/// RFC 8705 §3: that DER is the certificate of the thumbprint. Constant-time where it is one of the
/// right length. `token_certificate_missing` where it is "", `token_certificate_malformed`,
/// `token_certificate_mismatch`. Thread-safe.
[[nodiscard]] Result<void> check_certificate(std::string_view der, std::string_view thumbprint);

}  // namespace mintmark::verify
