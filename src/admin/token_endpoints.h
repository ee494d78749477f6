// The operators' endpoints on tokens that are out; answered by the front, which alone knows them.
#pragma once

#include <functional>
#include <string>

#include "http/router.h"
#include "revoke/revoker.h"

namespace mintmark::admin {

/// What the endpoints work on; all must outlive the router.
struct TokenParts {
  revoke::Revoker& revoker;
  const revoke::LiveTokens& tokens;
  const revoke::EventLog& events;
  /// True for the kid of a key that signs now: what it signs next would be revoked too.
  std::function<bool(const std::string& kid)> signs;
  /// True for the id of a device or service that is known here.
  std::function<bool(const std::string& id)> knows;
};

/// POST /admin/v1/tokens/revoke {"jti" | "token" | "device" | "key" | "rule" | "issued_before": …,
/// "reason"?, "dry_run"?} -> {"live": N, "seq": N} (docs/http-api.md), answered when it is on disk.
/// A token that is given whole is only read for its jti. A key must have signed a live token, and
/// sign no more; a device must be known: what is mistyped is not answered as if it were revoked.
/// `admin_member_wrong`, `key_not_found`, `device_not_found`, and the errors of revoke::Revoker.
///
/// GET /admin/v1/tokens?device=ID[&after=JTI]: a page of a device's live tokens, and in `next` the
/// jti to go on after ("": that was all).
void add_tokens(http::Router& router, const TokenParts& parts);

}  // namespace mintmark::admin
