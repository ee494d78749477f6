// The issuer's keys, fetched ahead of need by a thread of their own, so that no decision waits for
// the issuer.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.h"
#include "mintmark/verifier.h"

namespace mintmark::gate {

struct KeptKeysLimits {
  std::chrono::seconds grace{300};     ///< Beyond max_age, while no fresh copy can be had.
  std::chrono::seconds longest{3600};  ///< However long max_age is.
  std::chrono::milliseconds pause{
      5000};  ///< Between two fetches, whatever strangers write in `kid`.
  /// The same where the issuer itself says that there are others; and after a first failure, from
  /// which on it doubles up to `pause`.
  std::chrono::milliseconds short_pause{500};
};

/// Fetches at once, then when half of what may be kept is over, when a verifier misses a key, and
/// soon again after a failure.
/// Thread-safe. Its end waits for a fetch that is under way.
class KeptKeys {
 public:
  KeptKeys(std::unique_ptr<KeySource> issuer, const KeptKeysLimits& limits);
  ~KeptKeys();
  KeptKeys(const KeptKeys&) = delete;
  KeptKeys& operator=(const KeptKeys&) = delete;

  /// What a Verifier takes, with a keys_pause of 0 and a keys_grace that leaves it to `usable` how
  /// long a copy may be used. Never waits: it gives the copy that is here, good until the next is
  /// fetched, or has the issuer asked and says `keys_unavailable`. May outlive this.
  [[nodiscard]] std::unique_ptr<KeySource> source() const;

  /// The issuer said that its keys have changed: it is asked, at the earliest `short_pause` after
  /// it was asked last, by a call that begins after this one.
  void ask_again() const;
  /// Grows with each copy that comes.
  [[nodiscard]] std::uint64_t version() const;

  struct Standing {
    bool ever = false;               ///< There were keys since the start.
    bool usable = false;             ///< There are some that may be used now.
    std::chrono::seconds age{};      ///< Of the copy; meaningful where `ever`.
    std::optional<Refused> trouble;  ///< Of the last fetch.
  };
  [[nodiscard]] Standing standing() const;
  /// Standing::usable, cheaply.
  [[nodiscard]] bool usable() const;
  /// The issuer is being asked: a key that is missed may be here when that has ended.
  [[nodiscard]] bool asking() const;
  /// How often the issuer has answered, or failed to, since the start.
  [[nodiscard]] std::uint64_t attempts() const;
  /// Waits until what `asking` speaks of has ended, or began `longest` ago.
  void await_answer(std::chrono::milliseconds longest) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace mintmark::gate
