// What an entry of the event log is in the words of CAEP 1.0. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace mintmark::revoke::signals {

/// Event types, as `events` of a SET names them.
inline constexpr std::string_view session_revoked =
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
inline constexpr std::string_view token_claims_change =
    "https://schemas.openid.net/secevent/caep/event-type/token-claims-change";
inline constexpr std::string_view device_compliance_change =
    "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change";
inline constexpr std::string_view credential_change =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";
inline constexpr std::string_view verification =
    "https://schemas.openid.net/secevent/ssf/event-type/verification";
inline constexpr std::string_view stream_updated =
    "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// What a service can ask for: the four of CAEP. The two of SSF itself come unasked.
[[nodiscard]] const std::vector<std::string>& supported_events();

/// One event as a SET says it.
struct Signal {
  std::string type;
  Json subject;       ///< `sub_id`.
  Json event;         ///< What stands behind the type.
  std::string token;  ///< The jti that it is about; "": it is not about one token.
};

/// What is known of a token that is alive.
struct TokenFacts {
  std::string audience;
  std::string device;
};
/// By its jti; nothing: it is over, or none of ours. Thread-safe.
using TokenLookup = std::function<std::optional<TokenFacts>(std::string_view jti)>;

/// The signals of an entry (verify/revoked_set.h; docs/shared-signals.md has the table), in their
/// order: the same number in the same order whenever it is asked for, whatever `lookup` (may be
/// empty) knows. Of types that mean nothing to services, or that are malformed: none.
[[nodiscard]] std::vector<Signal> signals_of(const Json& entry, const std::string& issuer,
                                             const TokenLookup& lookup);

}  // namespace mintmark::revoke::signals
