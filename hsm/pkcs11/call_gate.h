// Calls into the module go through; what needs the module for itself closes the gate.
#pragma once

#include <condition_variable>
#include <mutex>

#include "base/time.h"

namespace mintmark::hsm::pkcs11 {

/// A readers-writer lock whose writer is not starved: who comes after close() waits. Thread-safe.
class CallGate {
 public:
  class Passage {
   public:
    explicit Passage(CallGate& gate) : gate_(gate) {
      std::unique_lock lock(gate_.mutex_);
      gate_.changed_.wait(lock, [this] { return !gate_.closed_; });
      ++gate_.inside_;
    }
    ~Passage() {
      const std::scoped_lock lock(gate_.mutex_);
      if (--gate_.inside_ == 0) gate_.changed_.notify_all();
    }
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;

   private:
    CallGate& gate_;
  };

  /// Opens the gate again when it ends. For one at a time: the caller sees to that.
  class Closure {
   public:
    Closure(CallGate& gate, Deadline deadline) : gate_(gate) {
      std::unique_lock lock(gate_.mutex_);
      gate_.closed_ = true;
      alone_ =
          gate_.changed_.wait_until(lock, deadline.at(), [this] { return gate_.inside_ == 0; });
    }
    ~Closure() {
      const std::scoped_lock lock(gate_.mutex_);
      gate_.closed_ = false;
      gate_.changed_.notify_all();
    }
    Closure(const Closure&) = delete;
    Closure& operator=(const Closure&) = delete;
    /// False: a call did not come back before the deadline.
    [[nodiscard]] bool alone() const { return alone_; }

   private:
    CallGate& gate_;
    bool alone_ = false;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned inside_ = 0;
  bool closed_ = false;
};

}  // namespace mintmark::hsm::pkcs11
