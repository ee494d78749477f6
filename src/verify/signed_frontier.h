// A frontier as it comes: a JWS by a key of purpose `event`.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "jose/jws.h"
#include "verify/frontier.h"
#include "verify/key_set.h"

namespace mintmark::verify {

/// `frontier_malformed`: no JWS, or one of another `typ`. Its kid() names the key.
[[nodiscard]] Result<jose::UnverifiedJws> parse_frontier(std::string_view jws);

/// `keys`: those of purpose `event`. `frontier_key_unknown`, `frontier_signature`,
/// `frontier_malformed`. The times of this machine's clock are not asked: what is old is for who
/// follows the log to say.
[[nodiscard]] Result<Frontier> check_frontier(jose::UnverifiedJws jws, const KeySet& keys,
                                              const std::string& issuer);

}  // namespace mintmark::verify
