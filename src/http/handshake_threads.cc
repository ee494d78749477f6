#include "http/handshake_threads.h"

#include <utility>

namespace mintmark::http {

HandshakeThreads::HandshakeThreads(unsigned threads, std::size_t most_waiting)
    : most_waiting_(most_waiting) {
  for (unsigned count = 0; count < threads; ++count) threads_.emplace_back([this] { work(); });
}

HandshakeThreads::~HandshakeThreads() { end(); }

bool HandshakeThreads::run(std::function<void()> step) {
  {
    const MutexLock lock(mutex_);
    if (ending_ || waiting_.size() >= most_waiting_) return false;
    waiting_.push_back(std::move(step));
  }
  changed_.notify_one();
  return true;
}

void HandshakeThreads::work() {
  for (;;) {
    std::function<void()> step;
    {
      const MutexLock lock(mutex_);
      while (!ending_ && waiting_.empty()) changed_.wait(mutex_);
      if (ending_) return;
      step = std::move(waiting_.front());
      waiting_.pop_front();
    }
    step();
  }
}

void HandshakeThreads::end() {
  std::deque<std::function<void()>> dropped;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace mintmark::http
