// The time in a Date field.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace mintmark::http {

/// IMF-fixdate (RFC 9110 §5.6.7), "Sun, 06 Nov 1994 08:49:37 GMT", in no locale but its own;
/// nothing for all else, the obsolete forms too. The day of the week is not looked at.
[[nodiscard]] std::optional<Moment> read_date(std::string_view text);

}  // namespace mintmark::http
