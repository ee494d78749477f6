// Where a request came from, as it counts for limits on those who are not known yet.
#pragma once

#include <functional>
#include <string>

#include "http/message.h"

namespace mintmark::api {

using AddressOf = std::function<std::string(const http::Request& request)>;

/// The address in Request::peer, without its port, as client_address has it.
[[nodiscard]] std::string address_of_peer(const std::string& peer);

/// The peer's IP address without its port, an IPv6 one cut to its first 64 bits ("2001:db8::/64"),
/// since whoever has one has them all. `behind_proxy`: the last element of the one X-Forwarded-For
/// instead, which is the one the trusted proxy wrote. What is no address counts as one: "unknown".
[[nodiscard]] std::string client_address(const http::Request& request, bool behind_proxy);

}  // namespace mintmark::api
