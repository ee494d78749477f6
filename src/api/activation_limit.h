// How often strangers may have a TPM open a credential: so many in a minute, of all addresses and
// of one.
#pragma once

#include <chrono>
#include <deque>
#include <string>

#include "base/error.h"
#include "base/mutex.h"

namespace mintmark::api {

/// Thread-safe. Remembers the last minute: as many entries as are allowed in one, at most.
class ActivationLimit {
 public:
  using Clock = std::chrono::steady_clock;

  /// One address may have half of them, but at least one.
  explicit ActivationLimit(unsigned per_minute);

  /// Counts one more, or says with `activation_rate` after how many seconds there may be one.
  [[nodiscard]] Result<void> take(const std::string& address, Clock::time_point now);

 private:
  struct Taken {
    Clock::time_point at;
    std::string address;
  };
  const unsigned per_minute_;
  const unsigned per_address_;
  Mutex mutex_;
  std::deque<Taken> taken_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::api
