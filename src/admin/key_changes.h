// What operators do with the issuer's signing keys: POST /admin/v1/keys/rotate, revoke, adopt,
// give-up; POST /admin/v1/clock/accept.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hsm/key_store.h"
#include "http/router.h"

namespace mintmark::admin {

/// Each calls its `done` once, on the thread that serves the admin socket; the Json is the answer.
struct KeyChanges {
  /// Successors sign as soon as verifiers may know them.
  std::function<void(std::optional<hsm::Purpose>, hsm::Done<Json>)> rotate;
  /// What the key signed is taken back.
  std::function<void(const std::string& kid, const std::string& why, hsm::Done<Json>)> revoke;
  /// How many live tokens that would meet, as POST /admin/v1/tokens/revoke has it; nothing changes.
  std::function<void(const std::string& kid, const http::Respond&)> would_revoke;
  /// A key that a ceremony made is published, and signs in its turn.
  std::function<void(const std::string& kid, hsm::Done<Json>)> adopt;
  /// A key in the hardware that no record leads is ended there.
  std::function<void(const std::string& kid, hsm::Done<Json>)> give_up;
  /// The clock is right now, whatever its high-water mark says.
  std::function<void(hsm::Done<Json>)> accept_clock;
};

/// Bodies are JSON objects: {"purpose": …} (may be absent), {"kid": …, "why": …}, {"kid": …,
/// "dry_run": true}, {"kid": …}, {}.
/// `admin_member_wrong` names what does not fit.
void add_key_changes(http::Router& router, KeyChanges changes);

}  // namespace mintmark::admin
