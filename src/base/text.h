// Text: what is well-formed UTF-8, and how text stands in JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mintmark {

/// The length of the well-formed UTF-8 sequence at the front (RFC 3629 §4; no surrogates, no
/// overlong forms), or 0. `text` is not empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);
/// Whether a well-formed sequence at the front of `text` shows what it is and changes nothing
/// beside it: no control character (C0, C1, DEL), no mark of direction, joining, line or width, no
/// tag.
[[nodiscard]] bool is_visible(std::string_view text);

/// Appends `text` as a quoted JSON string (RFC 8259 §7). Control characters are escaped, U+007F
/// too; each octet that is no UTF-8 becomes U+FFFD: what comes out is one line of valid JSON,
/// whatever a stranger sent.
void append_json_string(std::string& out, std::string_view text);

}  // namespace mintmark
