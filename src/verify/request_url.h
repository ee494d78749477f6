// Request URLs brought to one spelling, so that `htu` can be compared (RFC 9449 §4.3, check 9).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mintmark::verify {

inline constexpr std::size_t request_url_octets = 4096;

/// Scheme, authority and path after the normalisation of RFC 3986 §6.2.2 and §6.2.3: case of scheme
/// and host, percent encoding, dot segments, default port, empty path; query and fragment left out.
/// Nullopt for what is no absolute http or https URL, has userinfo, or a character that a URL does
/// not have.
[[nodiscard]] std::optional<std::string> normal_request_url(std::string_view url);

/// True only where normal_request_url would give this very text; many such texts it does not know.
/// Costs next to nothing.
[[nodiscard]] bool is_surely_normal(std::string_view url);

}  // namespace mintmark::verify
