// A line for each refusal. Grants are counted, not logged.
#pragma once

#include "http/message.h"

namespace mintmark::programs {

/// 5xx at level error, other refusals at level info, with the reason. Neither token nor proof
/// stands in it.
void log_decision(const http::Answered& answered);

}  // namespace mintmark::programs
