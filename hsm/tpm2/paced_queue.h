// The one thread that owns a TPM, and the calls that wait for it: few, and none longer than it has
// time.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "hsm/lanes.h"
#include "hsm/vitals.h"

namespace mintmark::hsm::tpm2 {

/// Thread-safe. Of one lane: first come, first served; between them: Lanes.
///
/// It knows how long calls take (a moving average of each kind) and sheds early: a signature that
/// could not be done by its deadline, behind what waits already, is refused at once as `overloaded`
/// with the seconds after which the queue will have been worked off. An idle queue takes every
/// call: else a slow spell, once measured, would never be measured again. A call that waits is
/// refused when its deadline comes, whatever the thread is doing; one that runs is never cut off.
class PacedQueue {
 public:
  using Span = std::chrono::steady_clock::duration;
  /// Of `run` and `refuse` exactly one is called, once.
  struct Call {
    Operation operation = Operation::sign;
    Deadline deadline;
    std::function<void()> run;          ///< On the owner's thread.
    std::function<void(Error)> refuse;  ///< On one of the queue's threads, or inside submit().
    /// Taken only where nothing waits, else `activation_behind_tokens`: what strangers may ask for
    /// never stands before a signature that was asked for earlier.
    bool yields = false;
    Lane lane = Lane::tokens;
  };

  /// `bound`: as of Lanes. `signature`: how long one takes, as far as is known.
  PacedQueue(std::size_t bound, Span signature);
  /// Refuses what waits with `hsm_unavailable`, then waits for what runs.
  ~PacedQueue();
  PacedQueue(const PacedQueue&) = delete;
  PacedQueue& operator=(const PacedQueue&) = delete;

  /// Never blocks. `overloaded`, `deadline_passed`, `hsm_unavailable`.
  void submit(Call call);
  /// How long one signature takes at present.
  [[nodiscard]] Span signature() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    Operation operation;
    Clock::time_point since;
  };
  /// Why not; the call is moved from only if it was taken.
  [[nodiscard]] std::optional<Error> try_push(Call& call);
  [[nodiscard]] Span expected(Operation operation) const MINTMARK_REQUIRES(mutex_);
  /// Until one of this lane that comes now has its turn, if no more of the other come.
  [[nodiscard]] Span time_to_wait(Lane lane) const MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Span time_of(Lane lane, std::size_t most) const MINTMARK_REQUIRES(mutex_);
  void work();
  void run(Call& call);
  void watch_deadlines();
  [[nodiscard]] std::deque<Call> take_late() MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Clock::time_point earliest_deadline() const MINTMARK_REQUIRES(mutex_);

  mutable Mutex mutex_;
  Condition called_;   ///< For the owner.
  Condition changed_;  ///< For the watch.
  Lanes<Call> waiting_ MINTMARK_GUARDED_BY(mutex_);
  std::optional<Running> running_ MINTMARK_GUARDED_BY(mutex_);
  std::map<Operation, Span> spans_ MINTMARK_GUARDED_BY(mutex_);  ///< Moving averages.
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread watch_;
  std::thread owner_;
};

}  // namespace mintmark::hsm::tpm2
