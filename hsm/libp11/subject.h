// Names in a certificate request, as an operator writes them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace mintmark::hsm::libp11 {

/// "/C=DE/O=Example/CN=issuer.example", as `openssl req -subj`: type and value of each part, `\`
/// before a `/`, `+` or `\` of a value. `invalid_argument`: empty, a part without type or value, an
/// unescaped `+` (parts of several values are not made).
using SubjectParts = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] Result<SubjectParts> parse_subject(std::string_view text);

/// RFC 1123 §2.1 with A-labels, "*." in front allowed (RFC 6125 §6.4.3). `invalid_argument`.
[[nodiscard]] Result<void> require_dns_name(std::string_view name);

}  // namespace mintmark::hsm::libp11
