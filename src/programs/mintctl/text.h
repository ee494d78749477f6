// Members of mintd's answers as text for tables.
#pragma once

#include <string>

#include "base/json.h"

namespace mintmark::programs {

/// Unix seconds as "2026-11-24 07:00:00Z"; "-" where there are none.
[[nodiscard]] std::string moment(const Json& object, const char* name);
/// "-" where absent.
[[nodiscard]] std::string text(const Json& object, const char* name);

}  // namespace mintmark::programs
