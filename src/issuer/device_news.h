// What a change of a device means to services, as entries of the event log
// (docs/shared-signals.md). Pure.
#pragma once

#include <vector>

#include "attest/standing.h"
#include "base/json.h"

namespace mintmark::issuer {

/// {"type": "compliance", "sub", "compliant", "by"} where it may have tokens now and might not
/// before, or the other way; {"type": "claims", "sub", "claims", "by"} where it may have them as
/// before and they say other things. `before` null: it is new, which is no news.
[[nodiscard]] std::vector<Json> news_of(const attest::RecordedDevice* before,
                                        const attest::RecordedDevice& now);

}  // namespace mintmark::issuer
