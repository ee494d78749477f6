// What is kept of tokens that were issued, and what is known of those that were revoked.
#pragma once

#include "audit/issuance_log.h"
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

}  // namespace mintmark::issuer
