// Subjects that a service names (RFC 9493; SSF 1.0 §3), and what they take from a stream. Pure.
#pragma once

#include "base/error.h"
#include "base/json.h"

namespace mintmark::revoke::signals {

/// A Subject Identifier of a registered format or of SSF's own, or a complex subject of such.
/// `ssf_subject_malformed` says what is missing. At most 1,024 octets.
[[nodiscard]] Result<void> check_subject(const Json& subject);

/// Whether a removed subject takes an event's subject with it: they are the same, or, where both
/// are complex, each member of the removed one stands in the event's, and is the same there.
///
/// Narrower than SSF 1.0 §8.1.3.1, where what one side leaves undefined matches everything: by that
/// rule, who removes one device would no longer hear that all tokens of the issuer were revoked.
[[nodiscard]] bool takes_away(const Json& removed, const Json& subject);

}  // namespace mintmark::revoke::signals
