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
#include "hsm/lanes.h"

namespace mintmark::hsm::pkcs11 {

/// Of `run` and `refuse` exactly one is called, once.
struct Call {
  Deadline deadline;
  std::function<void()> run;          ///< On a worker.
  std::function<void(Error)> refuse;  ///< On a worker, or inside submit().
  Lane lane = Lane::tokens;
};

/// Thread-safe. Of one lane: first come, first served; between them: Lanes.
class WorkQueue {
 public:
  /// `bound`: as of Lanes.
  WorkQueue(unsigned workers, unsigned bound);
  /// Refuses what waits, then waits for what runs.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// Never blocks. `overloaded` if as many calls of its lane wait as may, `deadline_passed` also
  /// when a worker comes to the call too late, `hsm_unavailable` while the queue ends.
  void submit(Call call);

 private:
  /// Why not; the call is moved from only if it was taken.
  [[nodiscard]] std::optional<Error> try_push(Call& call);
  void work();

  Mutex mutex_;
  Condition changed_;
  Lanes<Call> waiting_ MINTMARK_GUARDED_BY(mutex_);
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace mintmark::hsm::pkcs11
