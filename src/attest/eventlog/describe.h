// An event in words.
#pragma once

#include <string>

#include "attest/eventlog/log.h"

namespace mintmark::attest::eventlog {

/// For people: a path, a variable's name and value, a command. One line, bounded; what the event
/// says, hashed or not.
[[nodiscard]] std::string describe(const Event& event);

}  // namespace mintmark::attest::eventlog
