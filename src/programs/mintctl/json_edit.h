// Changes to JSON that a person wrote: comments and layout stay.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::programs {

/// The text with `values` (an array) at the end of the list at the pointer (RFC 6901), written as
/// the list's other elements are: beside them, or each on a line of its own. The text is JSON with
/// comments; `not_found`: no list is at the pointer; `internal`: the result would say something
/// else than that.
[[nodiscard]] Result<std::string> with_appended(std::string_view text, const std::string& pointer,
                                                const Json& values);

}  // namespace mintmark::programs
