// Absolute URLs of http and https in their parts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace mintmark::http {

/// An absolute URL in its parts (RFC 3986 §3).
struct Url {
  std::string scheme;      ///< "http" or "https".
  std::string host;        ///< Lower case, without brackets.
  std::uint16_t port = 0;  ///< The scheme's default where none is given.
  std::string target;      ///< Path and query, at least "/".

  /// "host:port", the host in brackets if IPv6, the port left out where it is the default (RFC 9110
  /// §7.2).
  [[nodiscard]] std::string authority() const;
  /// "https://host" with the port where it is not the default.
  [[nodiscard]] std::string origin() const;
};

/// `http_malformed` says what is wrong: another scheme, userinfo, a fragment, characters that must
/// be encoded, a port that is none. The path is taken as it is; dot segments stay.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

/// Host and optional port, as in `Host` and in an authority (RFC 9110 §7.2); the port is 0 where
/// none is given.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);

}  // namespace mintmark::http
