// Security Event Tokens (RFC 8417, profiled by SSF 1.0 §4): what is signed.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "hsm/key_store.h"
#include "revoke/frontiers.h"
#include "revoke/signals/mapping.h"

namespace mintmark::revoke::signals {

/// `typ` of a SET (RFC 8417 §2.3).
inline constexpr std::string_view set_typ = "secevent+jwt";

/// One event to one stream, before it is signed.
struct PlannedSet {
  std::string jti;  ///< The same at each try; another one for each stream.
  std::string txn;  ///< The same for all that came of one cause (SSF 1.0 §4.1.9).
  Signal signal;
};

/// The claims: one event, no `sub`, no `exp` (SSF 1.0 §4.1.2, §4.1.7).
[[nodiscard]] Json set_claims(const PlannedSet& set, const std::string& issuer,
                              const std::vector<std::string>& audience, Moment now);

/// Signs claims as a SET: compact JWS of `typ` secevent+jwt, by a key of purpose `event`. `done` is
/// called once, from any thread. Thread-safe.
using SignSet = std::function<void(Json claims, hsm::Done<std::string> done)>;

/// By what signs events; each waits as long as `patience` at most.
[[nodiscard]] SignSet sign_sets_by(SignEvent sign, std::chrono::milliseconds patience);

}  // namespace mintmark::revoke::signals
