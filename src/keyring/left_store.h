// Keys of a key store that the configuration has no more.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "keyring/rotation.h"

namespace mintmark::keyring {

/// What becomes of the records whose store is none of `configured`: they sign nothing any more, and
/// are published until the last of what they signed has expired. Their private halves are out of
/// reach; should the store come back, those are ended there. Gives the records that move now, to be
/// written together.
[[nodiscard]] std::vector<store::KeyRecord> leave_behind(
    const std::vector<store::KeyRecord>& records, const std::set<std::string>& configured,
    std::chrono::seconds skew, Moment now);

}  // namespace mintmark::keyring
