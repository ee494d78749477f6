// How strangers are answered: errors as RFC 6749 §5.2 has them, from the one table; nothing cached
// that may not be.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "http/message.h"

namespace mintmark::api {

/// What clients may sign with, assertions and proofs: every algorithm of ours, and the old name
/// "EdDSA" for Ed25519.
[[nodiscard]] const std::vector<std::string>& client_algorithms();

/// {"error", "error_description", "code"} with the code's status; `WWW-Authenticate` with 401,
/// `Retry-After` with 503, with 429 where the error has one, no-store always. The description of
/// what is only the operator's business
/// (`page_operator`) is not shown.
/// `more`: members beside these.
[[nodiscard]] http::Response refusal(const Error& error, const Json& more = Json::object());

/// What `WWW-Authenticate` says with such a refusal: the scheme DPoP, what proofs may be signed
/// with, and why (RFC 9449 §7.1, RFC 6750 §3). Without a reason where there was nothing to judge
/// (`token_missing`).
[[nodiscard]] std::string challenge_of(const Error& error);

/// 200 with `Cache-Control: no-store` (RFC 6749 §5.1).
[[nodiscard]] http::Response fresh_json(const Json& body);

/// What stands behind the issuer's host in its URL: "" or "/…".
[[nodiscard]] std::string path_of(const std::string& issuer);

/// The media type without parameters, lower case.
[[nodiscard]] std::string media_type(const http::Request& request);

}  // namespace mintmark::api
