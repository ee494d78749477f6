// What the gate answers a proxy: the caller's identity, or why not.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gate/rules.h"
#include "http/message.h"
#include "mintmark/verifier.h"

namespace mintmark::gate {

/// The names of all identity headers. Every grant has each of them: a snippet overwrites each, and
/// none of a client's gets past.
[[nodiscard]] std::span<const std::string_view> identity_headers();

/// 200 with all identity headers. What is absent is "-"; octets of a value that are not visible
/// ASCII, '%', and a value that is "-" itself are percent-encoded.
[[nodiscard]] http::Response granted(const VerifiedToken& token);

/// What a refusal is told with, beside its code.
struct Challenge {
  Scheme scheme = Scheme::dpop;    ///< Which one WWW-Authenticate names.
  const Demand* demand = nullptr;  ///< Of the rule, where one was found: its scopes are named.
  std::string nonce = {};          ///< For DPoP-Nonce; "": none.
};

/// The refusal as the client should see it: 400, 401 or 403 with one WWW-Authenticate (RFC 9449
/// §7.1, RFC 6750 §3), or 503 with Retry-After where nothing can be decided. Body {"error",
/// "error_description", "code"}; Mintmark-Refusal is the code again, for proxies that pass headers
/// alone. Never 2xx.
[[nodiscard]] http::Response refused(const Error& error, const Challenge& challenge);

/// The status that a refusal for this code has at the gate.
[[nodiscard]] unsigned status_of(Code code);

}  // namespace mintmark::gate
