// Answers of the agent itself, to programs of this machine.
#pragma once

#include "base/json.h"
#include "http/message.h"

namespace mintmark::agent::serve {

/// Stands in every refusal of the agent's own, with the code's name: an answer with this header did
/// not come from the service. The server puts it there, by the cause that an answer has.
inline constexpr const char* refusal_header = "Mint-Agent-Error";

/// Of a program, in what is carried: fewer scopes than it is granted. Never sent on.
inline constexpr const char* scope_header = "Mint-Agent-Scope";

/// 200, not to be kept by caches.
[[nodiscard]] http::Response answer(const Json& body);
/// As http::error_response, with Retry-After where coming back may help.
[[nodiscard]] http::Response refusal(const Error& error);
/// Where the issuer, the network or the device key is why there is no token: 503 where it may pass,
/// else 502, whatever the status was that the issuer gave the agent.
[[nodiscard]] http::Response no_token(const Error& error);

}  // namespace mintmark::agent::serve
