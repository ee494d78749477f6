// Revoking: what is asked for, what it meets, and that it is on disk before it is answered.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "revoke/event_log.h"
#include "revoke/live_tokens.h"
#include "revoke/status_lists.h"

namespace mintmark::revoke {

/// One thing to be revoked.
struct Revocation {
  enum class What {
    token,          ///< `name`: its jti.
    device,         ///< `name`: the device's id; all its tokens. Its standing is DeviceStore's.
    evidence,       ///< `name`: likewise, those that end with their device's evidence.
    key,            ///< `name`: the kid; all that it signed. The key's state is the keyring's.
    rule,           ///< `name`: a rule of the policy; all tokens that it granted.
    issued_before,  ///< All that were issued before `before`.
  };
  What what = What::token;
  std::string name;
  Moment before{};
  std::string why;  ///< The operator's words, for the log; services are not told.
};

struct Outcome {
  std::size_t live = 0;   ///< Tokens that were good until now.
  std::uint64_t seq = 0;  ///< Of the last event; 0: there was nothing to say (or a dry run).
};

/// Thread-safe. References must outlive it.
class Revoker {
 public:
  struct Parts {
    const Clock& clock;
    EventLog& events;
    LiveTokens& tokens;
    StatusIndexes& statuses;
    /// Called before an entry with `before` is written: from then on nothing is minted with an
    /// earlier `iat`. Empty: nothing.
    std::function<void(Moment)> floor = {};
    /// Returns when no token can leave any more that was decided before this was called.
    std::function<void()> wait_for_decided = {};
  };
  Revoker(Parts parts, std::chrono::seconds longest_life);

  /// `done` is called once, from any thread, when what was asked for is on disk, subscribers are
  /// being told and every live token that it meets has its entry in the status list set. A second
  /// time it meets nothing and is answered as well. `revoked_token_unknown` (no token of ours that
  /// is alive has this jti), `revocation_malformed`, `revocation_failed`.
  void revoke(const Revocation& what, std::function<void(Result<Outcome>)> done);
  /// How many live tokens it would meet. Errors likewise.
  [[nodiscard]] Result<Outcome> dry_run(const Revocation& what) const;

  /// Moves with each revocation of a rule, of evidence or of a moment: a token that was decided at
  /// another one must be decided again (issuer/mint.h).
  [[nodiscard]] std::uint64_t epoch() const { return epoch_.load(); }

 private:
  Parts parts_;
  std::chrono::seconds longest_life_;
  std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace mintmark::revoke
