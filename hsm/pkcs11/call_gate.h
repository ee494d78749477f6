// Calls into the module go through; what needs the module for itself closes the gate.
#pragma once

#include "base/mutex.h"
#include "base/time.h"

namespace mintmark::hsm::pkcs11 {

/// A readers-writer lock whose writer is not starved: who comes after close() waits. Thread-safe.
class CallGate {
 public:
  class Passage {
   public:
    explicit Passage(CallGate& gate) : gate_(gate) {
      const MutexLock lock(gate_.mutex_);
      while (gate_.closed_) gate_.changed_.wait(gate_.mutex_);
      ++gate_.inside_;
    }
    ~Passage() {
      const MutexLock lock(gate_.mutex_);
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
      const MutexLock lock(gate_.mutex_);
      gate_.closed_ = true;
      const auto until = deadline.at();
      while (gate_.inside_ != 0 && gate_.changed_.wait_until(gate_.mutex_, until)) continue;
      alone_ = gate_.inside_ == 0;
    }
    ~Closure() {
      const MutexLock lock(gate_.mutex_);
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
  Mutex mutex_;
  Condition changed_;
  unsigned inside_ MINTMARK_GUARDED_BY(mutex_) = 0;
  bool closed_ MINTMARK_GUARDED_BY(mutex_) = false;
};

}  // namespace mintmark::hsm::pkcs11
