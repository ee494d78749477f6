// The one thread that owns a TPM, and the calls that wait for it: few, and none longer than it has
// time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/time.h"
#include "hsm/vitals.h"

namespace mintmark::hsm::tpm2 {

/// Thread-safe. First come, first served.
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
  };

  /// `bound`: how many may wait. `signature`: how long one takes, as far as is known.
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
  [[nodiscard]] Span expected(Operation operation) const;
  [[nodiscard]] Span time_to_wait() const;
  void work();
  void run(Call& call);
  void watch_deadlines();
  [[nodiscard]] std::deque<Call> take_late();

  const std::size_t bound_;
  mutable std::mutex mutex_;
  std::condition_variable called_;   ///< For the owner.
  std::condition_variable changed_;  ///< For the watch.
  std::deque<Call> waiting_;
  std::optional<Running> running_;
  std::map<Operation, Span> spans_;  ///< Moving averages.
  bool ending_ = false;
  std::thread watch_;
  std::thread owner_;
};

}  // namespace mintmark::hsm::tpm2
