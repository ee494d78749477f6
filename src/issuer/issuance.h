// What every token of ours has, whoever gets it: a moment at which it is good, and an entry in a
// status list.
#pragma once

#include <string>

#include "base/json.h"
#include "base/time.h"
#include "revoke/ledger.h"

namespace mintmark::issuer {

/// The first moment from `now` on at which what is issued to this client is not revoked already.
/// What was revoked was issued before a second that is not over: a token of that second is minted
/// as of the next one, which verifiers take. `clock_behind` where that is too far ahead.
[[nodiscard]] Result<Moment> first_good_moment(const revoke::Ledger& ledger,
                                               const std::string& client, Moment now);

/// Whether it is still so; asked again when it is about to leave.
[[nodiscard]] bool is_good(const revoke::Ledger& ledger, const audit::Issued& token);

/// The claim `status` of a token (draft-ietf-oauth-status-list §6.1).
[[nodiscard]] Json status_claim(const std::string& issuer, const audit::Issued& token);

}  // namespace mintmark::issuer
