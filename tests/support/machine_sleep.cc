#include "support/machine_sleep.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<time_t> slept{0};

}  // namespace

// Before that of the C library, also for its other libraries.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto outcome = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME) time->tv_sec += slept.load();
  return outcome;
}

namespace mintmark::test {

void machine_slept(std::chrono::seconds span) { slept += span.count(); }

}  // namespace mintmark::test
