// "revocation", "rate_limits" and "shared_signals".
#pragma once

#include "config/config.h"
#include "config/directory.h"
#include "config/reader.h"

namespace mintmark::config {

/// Reads the member "revocation" of the document, which may be left out.
[[nodiscard]] Revocation read_revocation(ObjectReader& root);
/// Likewise "rate_limits".
[[nodiscard]] RateLimits read_rate_limits(ObjectReader& root);
/// Likewise "shared_signals".
[[nodiscard]] SharedSignals read_shared_signals(ObjectReader& root, const Directory& directory);

}  // namespace mintmark::config
