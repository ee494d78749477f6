// What a proxy says about the request that it asks about. Each proxy says it in its own headers; a
// listener understands one of them, by configuration: whoever guesses can be told anything.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace mintmark::gate {

enum class Dialect {
  nginx,    ///< X-Original-Method, -Scheme, -Host, -URI, as our snippet sends them.
  caddy,    ///< X-Forwarded-Method, -Proto, -Host, -Uri (forward_auth).
  traefik,  ///< The same (ForwardAuth).
  envoy,    ///< The check request's own method, path, Host, and X-Forwarded-Proto (ext_authz).
};

/// Views of the check request.
struct Original {
  std::string_view method;
  std::string_view scheme;  ///< "https"
  std::string_view host;    ///< As in Host: perhaps with a port.
  std::string_view uri;     ///< Path and query, not decoded.
};

/// `path_prefix`: what Envoy puts before the path; "" elsewhere. `gate_header_missing` (the proxy
/// is not set up as it must be), `gate_header_repeated`, `gate_header_malformed`.
[[nodiscard]] Result<Original> read_original(const http::Request& check, Dialect dialect,
                                             std::string_view path_prefix);

/// The value of a header that may come once: "" where there is none, `repeated` where there are
/// two.
[[nodiscard]] Result<std::string_view> only_value(const http::Headers& headers,
                                                  std::string_view name, Code repeated);

}  // namespace mintmark::gate
