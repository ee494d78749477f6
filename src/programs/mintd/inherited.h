// Descriptors that the keeper handed over, by the number in an option. Refuses numbers that are no
// open descriptor.
#pragma once

#include <string>

#include "base/file.h"

namespace mintmark::mintd {

/// `invalid_argument` says that this program is started by mintd and by nobody else. The descriptor
/// becomes close-on-exec.
[[nodiscard]] Result<UniqueFd> inherited(const std::string& option, const std::string& number);

/// No core dumps, no ptrace, no new privileges: for every process that sees a key, a PIN or a
/// stranger.
[[nodiscard]] Result<void> shut_in();

}  // namespace mintmark::mintd
