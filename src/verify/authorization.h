// The Authorization header of a request for a resource (RFC 9110 §11.6.2).
#pragma once

#include <string_view>

#include "base/error.h"
#include "http/message.h"
#include "mintmark/verifier.h"

namespace mintmark::verify {

struct Authorization {
  Scheme scheme = Scheme::dpop;
  std::string_view token;  ///< Lives as long as the headers.
};

/// "DPoP TOKEN" (RFC 9449 §7.1) or "Bearer TOKEN" (RFC 6750 §2.1); the scheme in either case, one
/// space, a token68. `token_missing` where there is none or it is of another scheme,
/// `authorization_repeated`, `authorization_malformed`.
[[nodiscard]] Result<Authorization> read_authorization(const http::Headers& headers);

}  // namespace mintmark::verify
