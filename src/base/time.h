// Wall clock, moments, deadlines.
#pragma once

#include <chrono>

namespace mintmark {

/// A moment of the wall clock, in whole seconds as JWT's NumericDate has them (RFC 7519 §2).
using Moment = std::chrono::sys_seconds;

[[nodiscard]] inline std::int64_t to_unix(Moment moment) {
  return moment.time_since_epoch().count();
}
[[nodiscard]] inline Moment from_unix(std::int64_t seconds) {
  return Moment{std::chrono::seconds{seconds}};
}

/// The wall clock as a port: tests move their own. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Moment now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Moment now() const override {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  }
};

/// A moment after which nobody waits for the answer any more; of the monotonic clock.
class Deadline {
 public:
  using clock = std::chrono::steady_clock;

  [[nodiscard]] static Deadline in(std::chrono::milliseconds span) {
    return Deadline{clock::now() + span};
  }
  [[nodiscard]] bool passed() const { return clock::now() >= at_; }
  /// What is left, never negative.
  [[nodiscard]] std::chrono::milliseconds left() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - clock::now());
    return left.count() > 0 ? left : std::chrono::milliseconds{0};
  }
  [[nodiscard]] clock::time_point at() const { return at_; }

 private:
  explicit Deadline(clock::time_point at) : at_(at) {}
  clock::time_point at_;
};

}  // namespace mintmark
