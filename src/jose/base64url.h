// base64url without padding (RFC 7515 §2, RFC 4648 §5), and plain base64 where a format asks for
// it.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace mintmark::jose {

[[nodiscard]] std::string base64url(BytesView bytes);
/// Strict: no padding, no white space, no foreign character, unused bits zero; else
/// `base64_malformed`.
[[nodiscard]] Result<Bytes> from_base64url(std::string_view text);

/// RFC 4648 §4 with padding.
[[nodiscard]] std::string base64(BytesView bytes);
[[nodiscard]] Result<Bytes> from_base64(std::string_view text);

/// So many random octets as base64url that does not begin with '-': a name that every command line
/// takes.
[[nodiscard]] std::string random_name(std::size_t octets);

}  // namespace mintmark::jose
