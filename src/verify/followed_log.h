// The issuer's event log as a service follows it: what was revoked, and until when it may believe
// that nothing else was.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "verify/boot_clock.h"
#include "verify/frontier.h"
#include "verify/revoked_set.h"

namespace mintmark::verify {

/// How many entries may come without a frontier that commits to them.
inline constexpr std::size_t most_unconfirmed = 1U << 16U;

/// Followed by one thread; asked by any.
///
/// What an entry says is believed at once: it only ever takes trust away. That nothing else was
/// revoked is believed by frontiers alone, each until `bound` has gone since it was made. When it
/// was made is reckoned without a common clock: the first frontier of a connection was made after
/// the connection was asked for, and by their `ms` the later ones tell how much later they were
/// made.
class FollowedLog {
 public:
  using clock = BootClock;

  struct Position {
    std::string log;
    std::uint64_t seq = 0;
  };

  /// Where the stream is to begin; nothing: a snapshot is wanted.
  [[nodiscard]] std::optional<Position> position() const;

  /// `text` of a snapshot: {"log", "seq", "revoked"}; `frontier`: the one that came with it, its
  /// signature good. What was revoked before stays so. `event_snapshot_malformed`, or
  /// `event_chain_broken` where the frontier is not of this very text.
  [[nodiscard]] Result<void> load(std::string_view text, const Frontier& frontier);
  /// A snapshot is wanted: what was followed cannot be followed on.
  void lose_place();

  /// A stream from position() on is being asked for.
  void connecting(clock::time_point now);
  enum class Effect { none, keys_changed };
  /// The next entry's text. `event_malformed`, `event_out_of_order`, `event_chain_broken` (too many
  /// without a frontier); then nothing has changed.
  [[nodiscard]] Result<Effect> take_entry(std::string_view text);
  /// Its signature good; `arrived`: not later than it was read. `now`: the wall clock, to forget
  /// what is over by both clocks. `event_log_changed`, `event_out_of_order` (entries are missing),
  /// `event_chain_broken` (others were seen), `frontier_old` (it comes too late, or again); then
  /// nothing has changed.
  [[nodiscard]] Result<void> take_frontier(const Frontier& frontier, clock::time_point arrived,
                                           Moment now);

  /// `revocations_unavailable`, `revocations_stale`, `token_key_revoked`, `token_revoked`.
  /// Thread-safe, as all that follows.
  [[nodiscard]] Result<void> judge(const RevocableToken& token, clock::time_point now) const;
  /// A key of whatever purpose.
  [[nodiscard]] bool is_key_revoked(std::string_view kid) const;

  struct Standing {
    bool ever = false;                ///< There was a frontier.
    bool trusted = false;             ///< One of within the bound.
    std::chrono::milliseconds age{};  ///< Of the last one, at most; meaningful where `ever`.
    std::chrono::seconds bound{};     ///< The issuer's; 0: nothing came yet.
    std::size_t entries = 0;
    std::uint64_t seq = 0;
  };
  [[nodiscard]] Standing standing(clock::time_point now) const;

 private:
  struct Seen {
    std::uint64_t seq = 0;
    Sha256 head{};
  };
  /// Of the connection: what its first frontier may have waited, and the earliest that a frontier
  /// came after its own clock's time.
  struct Pace {
    clock::duration slack{};
    std::chrono::milliseconds earliest{};
    std::int64_t last_ms = 0;
  };

  [[nodiscard]] Result<void> check_place(const Frontier& frontier) const;
  [[nodiscard]] Result<clock::time_point> made_at(const Frontier& frontier,
                                                  clock::time_point arrived, Pace& pace) const;

  // Of the thread that follows.
  std::string log_;
  std::deque<Seen> seen_;  // From the last confirmed one on; empty: there is no place.
  std::optional<clock::time_point> asked_at_;
  std::optional<Pace> pace_;

  std::atomic<clock::rep> trusted_until_{0};
  mutable SharedMutex mutex_;  // What it guards is written by the thread that follows alone.
  RevokedSet revoked_ MINTMARK_GUARDED_BY(mutex_);
  std::set<std::string, std::less<>> revoked_keys_ MINTMARK_GUARDED_BY(mutex_);
  std::optional<clock::time_point> made_at_ MINTMARK_GUARDED_BY(mutex_);
  std::chrono::seconds bound_ MINTMARK_GUARDED_BY(mutex_){};
  std::uint64_t seq_ MINTMARK_GUARDED_BY(mutex_) = 0;
};

}  // namespace mintmark::verify
