// One thread of a test's own in the place of a program's event loop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>

namespace mintmark::test {

/// What is posted from any thread waits here until it is its turn, on the thread that runs them.
class Turns {
 public:
  explicit Turns(std::chrono::seconds patience) : patience_(patience) {}

  /// Must not outlive it.
  std::function<void(std::function<void()>)> post() {
    return [this](std::function<void()> work) {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(work));
      changed_.notify_one();
    };
  }
  /// One after the other until `done`; throws where nothing comes for as long as its patience.
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, patience_, [&] { return !waiting_.empty(); }))
        throw std::runtime_error("TIMEOUT: nothing more is posted");
      auto work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      work();
    }
  }

 private:
  const std::chrono::seconds patience_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace mintmark::test
