// A bounded queue of calls into a module that blocks, and the threads that make them.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"

namespace mintmark::hsm::pkcs11 {

/// Of `run` and `refuse` exactly one is called, once.
struct Call {
  Deadline deadline;
  std::function<void()> run;          ///< On a worker.
  std::function<void(Error)> refuse;  ///< On a worker, or inside submit().
};

/// Thread-safe. First come, first served.
class WorkQueue {
 public:
  WorkQueue(unsigned workers, unsigned bound);
  /// Refuses what waits, then waits for what runs.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// Never blocks. `overloaded` if `bound` calls wait, `deadline_passed` also when a worker comes
  /// to the call too late, `hsm_unavailable` while the queue ends.
  void submit(Call call);

 private:
  /// Why not; the call is moved from only if it was taken.
  [[nodiscard]] std::optional<Error> try_push(Call& call);
  void work();

  const std::size_t bound_;
  Mutex mutex_;
  Condition changed_;
  std::deque<Call> waiting_ MINTMARK_GUARDED_BY(mutex_);
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace mintmark::hsm::pkcs11
