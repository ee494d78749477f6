// Which remedy a fault gets: the table's first, and stronger ones while the weaker do not help.
#pragma once

#include <atomic>
#include <chrono>

#include "base/mutex.h"
#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {

/// One a token. Thread-safe.
///
/// A remedy that did not help (the next thing heard is another fault, and no success) is followed
/// by the next stronger one, up to the row's last; the process is given up after
/// `most_reinitialisations`. From `log_in` on they disturb every call that is
/// under way, so they are spaced: 100 ms after the first, doubling to `longest_spacing`, which is
/// how late at most the end of a fault is noticed. A success ends all that.
class Recovery {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds shortest_spacing{100};
  static constexpr std::chrono::milliseconds longest_spacing{1000};
  static constexpr unsigned most_reinitialisations = 3;

  /// What to do now. `wait` also where a stronger remedy is not yet due again.
  [[nodiscard]] Remedy choose(const RvFacts& fault, Clock::time_point now);
  void went_well();

 private:
  Mutex mutex_;
  std::atomic<bool> calm_{true};
  Remedy next_ MINTMARK_GUARDED_BY(mutex_) = Remedy::none;
  unsigned reinitialisations_ MINTMARK_GUARDED_BY(mutex_) = 0;
  Clock::time_point not_before_ MINTMARK_GUARDED_BY(mutex_){};
  std::chrono::milliseconds spacing_ MINTMARK_GUARDED_BY(mutex_) = shortest_spacing;
};

}  // namespace mintmark::hsm::pkcs11
