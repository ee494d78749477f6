// A clock that only the test moves.
#pragma once

#include <atomic>

#include "base/time.h"

namespace mintmark::test {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Moment start = from_unix(1'800'000'000)) : seconds_(to_unix(start)) {}
  [[nodiscard]] Moment now() const override { return from_unix(seconds_); }
  void advance(std::chrono::seconds by) { seconds_ += by.count(); }
  void set(Moment moment) { seconds_ = to_unix(moment); }

 private:
  std::atomic<std::int64_t> seconds_;
};

}  // namespace mintmark::test
