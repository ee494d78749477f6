// The clock by which tokens are minted: it never goes back.
#pragma once

#include <atomic>

#include "base/error.h"
#include "base/time.h"

namespace mintmark::issuer {

/// The wall clock with a high-water mark: the latest moment that this issuer is known to have
/// worked at, by itself or, as the keeper tells it, before. A clock that was set back would have
/// tokens minted that end before others which were given out earlier, let keys that have ended
/// seem good, and proofs seem fresh that are not. Thread-safe.
class MintingClock final : public Clock {
 public:
  /// A clock that is this little behind (it was slewed, or stepped by NTP) is waited for by minting
  /// at the mark: verifiers allow for more.
  static constexpr std::chrono::seconds tolerated{5};

  /// `clock` must outlive it.
  explicit MintingClock(const Clock& clock) : clock_(clock) {}

  /// The wall clock as it is.
  [[nodiscard]] Moment now() const override { return clock_.now(); }
  /// The moment to mint at, never behind the mark. `clock_behind` saying by how much.
  [[nodiscard]] Result<Moment> minting_moment() const;
  /// The same, told before anything is asked for.
  [[nodiscard]] Result<void> check() const;

  void raise_mark(Moment mark) const;
  /// An operator says that the clock is right now, and was wrong before.
  void accept_present() { mark_.store(to_unix(clock_.now())); }
  [[nodiscard]] Moment mark() const { return from_unix(mark_.load()); }

 private:
  const Clock& clock_;
  mutable std::atomic<std::int64_t> mark_{0};
};

}  // namespace mintmark::issuer
