// Descriptors that the keeper handed over, by the number in an option. Refuses numbers that are no
// open descriptor.
#pragma once

#include <string>

#include "base/file.h"

namespace mintmark::mintd {

/// `invalid_argument` says that this program is started by mintd and by nobody else. The descriptor
/// becomes close-on-exec.
[[nodiscard]] Result<UniqueFd> inherited(const std::string& option, const std::string& number);

}  // namespace mintmark::mintd
