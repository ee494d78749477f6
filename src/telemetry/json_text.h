// Text as a JSON string, whatever octets it has.
#pragma once

#include <string>
#include <string_view>

namespace mintmark::telemetry {

/// Appends `text` as a quoted JSON string (RFC 8259 §7). Control characters are escaped, and so is
/// U+007F; octets that are no UTF-8 (RFC 3629) become U+FFFD each: a log line is one line of valid
/// JSON, whatever a stranger sent.
void append_json_string(std::string& out, std::string_view text);

}  // namespace mintmark::telemetry
