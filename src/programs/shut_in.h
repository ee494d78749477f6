// What a process that holds a secret gives up first.
#pragma once

#include "base/error.h"

namespace mintmark::programs {

/// No core dumps, no ptrace, no new privileges: for every process that sees a key, a PIN or a
/// stranger. `io_failed`.
[[nodiscard]] Result<void> shut_in();

}  // namespace mintmark::programs
