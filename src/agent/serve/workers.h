// Threads that requests wait on: each does one request at a time, and few may wait for one of them.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"

namespace mintmark::agent::serve {

class Workers {
 public:
  /// `worker`: which of the threads it is, from 0.
  using Job = std::function<void(unsigned worker)>;

  Workers(unsigned threads, unsigned waiting);
  /// After what is under way and what waits.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// `overloaded`, with retry_after: too many wait; also where half of all places are this user's,
  /// so that one program cannot shut the others out.
  [[nodiscard]] Result<void> submit(uid_t user, Job job);

 private:
  struct Waiting {
    uid_t user;
    Job job;
  };
  void work(unsigned worker);

  const std::size_t places_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> line_;
  std::map<uid_t, std::size_t> held_;  ///< Places, waiting or worked on.
  std::size_t all_held_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mintmark::agent::serve
