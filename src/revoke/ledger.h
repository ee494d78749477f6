// What is kept of tokens that were issued, and what is known of those that were revoked.
#pragma once

#include "audit/issuance_log.h"
#include "revoke/event_log.h"
#include "revoke/live_tokens.h"
#include "revoke/revoker.h"
#include "revoke/status_lists.h"

namespace mintmark::revoke {

/// All must outlive whoever uses it; each is thread-safe.
struct Ledger {
  audit::IssuanceLog& log;
  StatusIndexes& statuses;
  LiveTokens& live;
  const EventLog& events;
  const Revoker& revoker;
};

}  // namespace mintmark::revoke
