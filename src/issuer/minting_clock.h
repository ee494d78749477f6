// The clock by which tokens are minted: it never goes back, and is not believed when it jumps
// ahead.
#pragma once

#include <atomic>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "revoke/patient_clock.h"

namespace mintmark::issuer {

/// The wall clock with a high-water mark: the latest moment that this issuer is known to have
/// worked at, by itself or, as the keeper tells it, before. A clock that was set back would have
/// tokens minted that end before others which were given out earlier, let keys that have ended
/// seem good, and proofs seem fresh that are not. One that jumped ahead would have tokens minted
/// that outlive their lives, proofs forgotten that can still be shown, and the mark raised to where
/// the right clock does not come for long. Thread-safe.
class MintingClock final : public Clock {
 public:
  using Patience = revoke::PatientClock::Options;

  /// A clock that is this little behind (it was slewed, or stepped by NTP) is waited for by minting
  /// at the mark: verifiers allow for more.
  static constexpr std::chrono::seconds tolerated{5};

  /// `clock` must outlive it. Without patience it is followed wherever it goes ahead.
  explicit MintingClock(const Clock& clock, Patience patience = {.doubt = {}})
      : clock_(clock), no_jump_(patience.no_jump), patient_(clock, std::move(patience)) {}

  /// The wall clock, but for jumps ahead that are not believed yet.
  [[nodiscard]] Moment now() const override;
  /// How far the wall clock is ahead of now(); 0 where it is believed.
  [[nodiscard]] std::chrono::seconds doubted() const;
  /// How far it is behind the mark; 0 if it is not.
  [[nodiscard]] std::chrono::seconds behind() const;

  /// The moment to mint at, never behind the mark. `clock_behind`, `clock_jumped` saying by how
  /// much.
  [[nodiscard]] Result<Moment> minting_moment() const;
  /// The same, told before anything is asked for.
  [[nodiscard]] Result<void> check() const;

  void raise_mark(Moment mark) const;
  /// So late it is by the keeper, which has been there for longer: the wall clock may have jumped
  /// before this process began.
  void compare_with(Moment keepers) const;
  /// An operator says that the clock is right now, and was wrong before.
  void accept_present();
  [[nodiscard]] Moment mark() const { return from_unix(mark_.load()); }

 private:
  const Clock& clock_;
  const std::chrono::seconds no_jump_;
  mutable std::atomic<std::int64_t> mark_{0};
  mutable Mutex patience_mutex_;
  mutable revoke::PatientClock patient_ MINTMARK_GUARDED_BY(patience_mutex_);
};

}  // namespace mintmark::issuer
