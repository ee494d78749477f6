// The path of a request as rules may see it: one that every server behind a proxy reads alike.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace mintmark::gate {

/// Longer ones are refused.
inline constexpr std::size_t longest_path = 2048;

struct Target {
  std::string_view raw;  ///< The path as the client wrote it; of the text that was read.
  std::string path;      ///< Percent-decoded, once. Decoding it again changes nothing.
};

/// Reads an original request target: "/path?query", or in absolute form ("https://host/path"),
/// whose origin must then be `origin` ("https://host"). Rules do not look at queries.
///
/// What two servers are known to read in two ways is refused, so that what the upstream serves is
/// what the rule saw, whether it gets the path as it came or as the proxy decoded it.
/// `gate_path_ambiguous`: empty, "." and ".." segments, an encoded slash, '?' or '#', backslashes,
/// what is still percent-encoded after decoding, and ';', where some servers end a segment; each
/// plain or encoded. `gate_path_malformed`: no path at all, bad percent encoding, control
/// characters, a fragment, what a URL may not contain, no UTF-8 (an overlong "." is none), too
/// long. `gate_origin_unknown`: another origin. Pure.
[[nodiscard]] Result<Target> read_target(std::string_view text, std::string_view origin);

}  // namespace mintmark::gate
