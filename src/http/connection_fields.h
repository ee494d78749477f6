// Fields of one connection, which nobody carries on.
#pragma once

#include <string_view>

namespace mintmark::http {

/// `name` in lower case: the connection's own (RFC 9110 §7.6.1, and what was before it). What a
/// Connection field names beside is the caller's to see.
[[nodiscard]] bool is_of_connection(std::string_view name);

}  // namespace mintmark::http
