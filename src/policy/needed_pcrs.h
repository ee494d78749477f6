// Which PCRs rules go by. Private to this folder.
#pragma once

#include "policy/policy.h"
#include "policy/rules.h"

namespace mintmark::policy {

/// As Policy::needed_pcrs.
[[nodiscard]] NeededPcrs needed_pcrs_of(const Rules& rules);

}  // namespace mintmark::policy
