// Threads for TLS handshakes whose private key makes the caller wait, such as one in hardware.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace mintmark::http {

/// A few threads and a bounded queue before them, so that a key store that hangs holds up new
/// connections and nothing else. Thread-safe. Must be ended while the io_contexts that the steps
/// post to are still there.
class HandshakeThreads {
 public:
  /// `threads`: how many steps run (and wait for their key) at once. `most_waiting`: how many more
  /// may wait for their turn.
  HandshakeThreads(unsigned threads, std::size_t most_waiting);
  ~HandshakeThreads();
  HandshakeThreads(const HandshakeThreads&) = delete;
  HandshakeThreads& operator=(const HandshakeThreads&) = delete;

  /// Runs `step` on one of the threads. False: as many wait as may, or it has ended.
  [[nodiscard]] bool run(std::function<void()> step);

  /// Drops what waits and returns when what runs has come back. Not from a step.
  void end();

 private:
  void work();

  const std::size_t most_waiting_;
  Mutex mutex_;
  Condition changed_;
  std::deque<std::function<void()>> waiting_ MINTMARK_GUARDED_BY(mutex_);
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace mintmark::http
