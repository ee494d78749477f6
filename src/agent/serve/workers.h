// Threads that requests wait on: each does one request at a time, and few may wait for one of them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"

namespace mintmark::agent::serve {

/// Users take turns, whoever came first. No user has more than half of the threads, nor more than
/// half of all places, so that one program's slow service does not stall the others.
class Workers {
 public:
  struct Job {
    /// `worker`: which of the threads it is, from 0.
    std::function<void(unsigned worker)> work;
    /// Instead of it, once: no thread was free in time (`overloaded`), or the end came first
    /// (`unavailable`).
    std::function<void(const Error& why)> shed;
  };

  /// `patience`: the longest that a job waits for a thread.
  Workers(unsigned threads, unsigned waiting, std::chrono::milliseconds patience);
  /// After what is under way; what only waits is shed.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// `overloaded`, with retry_after: too many wait, or too many of this user. `unavailable` after
  /// stop.
  [[nodiscard]] Result<void> submit(uid_t user, Job job);
  /// Sheds what waits and takes nothing more; what is under way goes on.
  void stop();

 private:
  using Time = std::chrono::steady_clock;
  struct Waiting {
    Time::time_point until;
    Job job;
  };
  struct User {
    std::deque<Waiting> line;
    std::size_t running = 0;
    std::uint64_t served = 0;  ///< When its last turn was.
  };
  using Users = std::map<uid_t, User>;

  void work(unsigned worker);
  void watch();
  [[nodiscard]] Users::iterator next_turn() MINTMARK_REQUIRES(mutex_);
  /// Takes out what waits since before.
  [[nodiscard]] std::vector<Waiting> overdue(Time::time_point now) MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Time::time_point first_deadline() const MINTMARK_REQUIRES(mutex_);

  const std::size_t places_;
  const std::size_t threads_of_one_;
  const std::chrono::milliseconds patience_;
  Mutex mutex_;
  Condition changed_;
  Users users_ MINTMARK_GUARDED_BY(mutex_);
  std::size_t all_held_ MINTMARK_GUARDED_BY(mutex_) = 0;  ///< Places, waiting or worked on.
  std::uint64_t turns_ MINTMARK_GUARDED_BY(mutex_) = 0;
  bool stopping_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;  ///< The last one sheds what is overdue.
};

}  // namespace mintmark::agent::serve
