// What is kept of tokens that were issued, and what is known of those that were revoked.
#pragma once

#include <chrono>
#include <string>

#include "audit/issuance_log.h"
#include "base/json.h"
#include "revoke/event_log.h"
#include "revoke/live_tokens.h"
#include "revoke/revoker.h"
#include "revoke/status_lists.h"

namespace mintmark::issuer {

/// All must outlive whoever uses it; each is thread-safe.
struct Ledger {
  audit::IssuanceLog& log;
  revoke::StatusIndexes& statuses;
  revoke::LiveTokens& live;
  const revoke::EventLog& events;
  const revoke::Revoker& revoker;
};

/// The first moment from `now` on at which what is issued to this client is not revoked already.
/// What was revoked was issued before a second that is not over: a token of that second is minted
/// as of the next one, which verifiers take. `clock_behind` where that is too far ahead.
[[nodiscard]] Result<Moment> first_good_moment(const Ledger& ledger, const std::string& client,
                                               Moment now);

/// Whether it is still so; asked again when it is about to leave.
[[nodiscard]] bool is_good(const Ledger& ledger, const audit::Issued& token);

/// The claim `status` of a token (draft-ietf-oauth-status-list §6.1).
[[nodiscard]] Json status_claim(const std::string& issuer, const audit::Issued& token);

}  // namespace mintmark::issuer
