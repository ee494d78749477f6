// What mintd says of a device's boots, as text for people.
#pragma once

#include <string>

#include "base/json.h"

namespace mintmark::programs {

/// Of GET …/explain: device, outcome, each finding that does not hold, those that do in short, and
/// what to do next. Takes whatever members are there.
[[nodiscard]] std::string explanation_text(const Json& answer);
/// Of GET …/boot: facts and events of the last boot, and how it went.
[[nodiscard]] std::string boot_text(const Json& answer);

}  // namespace mintmark::programs
