#include "verify/boot_clock.h"

#include <time.h>

#include <cstdlib>

namespace mintmark::verify {

BootClock::time_point BootClock::now() noexcept {
  timespec time{};
  // Every Linux since 2.6.39 has it. Without it whatever was once trusted would be for ever.
  if (clock_gettime(CLOCK_BOOTTIME, &time) != 0) std::abort();
  return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace mintmark::verify
