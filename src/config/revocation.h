// "revocation" and "rate_limits".
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace mintmark::config {

/// Reads the member "revocation" of the document, which may be left out.
[[nodiscard]] Revocation read_revocation(ObjectReader& root);
/// Likewise "rate_limits".
[[nodiscard]] RateLimits read_rate_limits(ObjectReader& root);

}  // namespace mintmark::config
