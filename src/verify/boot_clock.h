// How much time has gone by, also while the machine slept.
#pragma once

#include <chrono>

namespace mintmark::verify {

/// CLOCK_BOOTTIME: nobody sets it, and it goes on while the machine is suspended, which
/// std::chrono::steady_clock does not do (clock_gettime(2)). A virtual machine that is paused from
/// outside stands still by it too. Thread-safe.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  [[nodiscard]] static time_point now() noexcept;
};

}  // namespace mintmark::verify
