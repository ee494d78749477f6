// Revoking: what is asked for, what it meets, and that it is on disk before it is answered.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
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
    key,            ///< `name`: the kid (RFC 7638); all that it signed. Its state is the keyring's.
    rule,           ///< `name`: a rule of the policy; all tokens that it granted.
    issued_before,  ///< All that were issued before `before`.
  };
  What what = What::token;
  std::string name = {};
  /// Of `issued_before`; exclusive, and at most one second ahead. Of a device, where it is known:
  /// when its standing ended, so that what was said then is not said again. Of `evidence`, where it
  /// ended some time ago: what was issued from then on is good.
  Moment before{};
  /// Of `issued_before`, instead of `before`: all that is out, though some of it be minted a little
  /// ahead of the clock.
  bool until_now = false;
  std::string why = {};  ///< The operator's words, for the log; services are not told.
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
    /// earlier `iat`. Never more than one second ahead of the clock, or of the newest token that is
    /// alive. Empty: nothing.
    std::function<void(Moment)> floor = {};
    /// Returns when no token can leave any more that was decided before this was called.
    std::function<void()> wait_for_decided = {};
    /// Told of each that was carried out, and how many live tokens it met; from any thread.
    std::function<void(const Revocation&, std::size_t)> told = {};
  };
  Revoker(Parts parts, std::chrono::seconds longest_life);
  Revoker(const Revoker&) = delete;
  Revoker& operator=(const Revoker&) = delete;

  /// What the event log says of a key is kept so long, since one that was stolen signs tokens of
  /// any age; far beyond the time for which verifiers keep published keys.
  static constexpr std::chrono::hours key_kept{30 * 24};

  /// A frontier that names so many is as long as the signer and its readers take (16 KiB).
  static constexpr std::size_t most_keys = 192;

  /// `done` is called once, from any thread, when what was asked for is on disk, subscribers are
  /// being told and every live token that it meets has its entry in the status list set. A second
  /// time it meets nothing and is answered as well. `revoked_token_unknown` (no token of ours that
  /// is alive has this jti), `revocation_malformed`, `revocation_failed`.
  void revoke(const Revocation& what, std::function<void(Result<Outcome>)> done);
  /// Revokes a token whose signature was found good, also where it is not among the live ones: they
  /// may have been forgotten by a clock that was wrong for a while. `done` as of revoke().
  void revoke_proven(const audit::Issued& token, std::string why,
                     std::function<void(Result<Outcome>)> done);
  /// How many live tokens it would meet. Errors likewise.
  [[nodiscard]] Result<Outcome> dry_run(const Revocation& what) const;

  /// Moves with each revocation of a rule or of a moment: a token that was decided at another one
  /// must be decided again (issuer/mint.h). All others name what the last look sees by itself.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_.load(); }

 private:
  using Entries = std::vector<LiveTokens::Entry>;
  struct Order;
  [[nodiscard]] Result<void> check(const Revocation& what) const;
  [[nodiscard]] Result<void> check_key(const std::string& kid) const;
  [[nodiscard]] Entries meant(const Revocation& what) const;
  [[nodiscard]] Entries good_ones(Entries entries) const;
  [[nodiscard]] bool already_said(const Revocation& what) const;
  [[nodiscard]] std::vector<Json> say(const Revocation& what, const Entries& met) const;
  [[nodiscard]] Revocation settle(Revocation what);
  [[nodiscard]] Moment cut_of(const Revocation& what, const Entries& met) const;
  void carry_out(const std::shared_ptr<const Order>& order);
  void note(const Revocation& what, bool under_way);
  void flip(const Order& order);

  Parts parts_;
  std::chrono::seconds longest_life_;
  mutable Mutex mutex_;
  std::multiset<std::string> keys_under_way_
      MINTMARK_GUARDED_BY(mutex_);  ///< Asked for, and not on disk yet.
  std::atomic<std::uint64_t> epoch_{1};
};

/// At start, after every live token of the issuance log was put and restored: their entries in the
/// status lists say what the event log says.
void restore_statuses(const LiveTokens& tokens, const EventLog& events, StatusIndexes& statuses);

/// A token as the events are asked about it; its views live as long as `token`.
[[nodiscard]] verify::RevocableToken revocable(const audit::Issued& token);

}  // namespace mintmark::revoke
