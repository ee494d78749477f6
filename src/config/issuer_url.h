// The issuer's URL as RFC 8414 §2 has it, and narrower: it is compared octet by octet, so it may be
// written in one way only.
#pragma once

#include <string>
#include <string_view>

namespace mintmark::config {

/// "" if the text can be an issuer: https, a host in lower case or an IP address, perhaps a port,
/// perhaps a path; no userinfo, query, fragment, trailing slash, empty, "." or ".." segment,
/// nothing percent-encoded. Otherwise what is wrong and what would be right.
[[nodiscard]] std::string wrong_with_issuer(std::string_view url);

}  // namespace mintmark::config
