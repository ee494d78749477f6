// Asking what a revocation would meet, in place of it: one way for tokens, devices and keys.
#pragma once

#include "base/json.h"
#include "programs/command_line.h"

namespace mintmark::programs {

inline const Option dry_run_option{"--dry-run", "", "only say how many live tokens it would meet"};

/// True where the answer is one to a dry run: it was printed.
[[nodiscard]] bool print_would_revoke(const Json& answer);

}  // namespace mintmark::programs
