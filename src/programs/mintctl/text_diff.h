// Differences of two texts, as patch(1) takes them.
#pragma once

#include <string>
#include <string_view>

namespace mintmark::programs {

/// A unified diff with three lines around each change; "" if there is none. `name`: of the file,
/// before and after.
[[nodiscard]] std::string unified_diff(const std::string& name, std::string_view before,
                                       std::string_view after);

}  // namespace mintmark::programs
