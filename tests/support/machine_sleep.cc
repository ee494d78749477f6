#include "support/machine_sleep.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<time_t> slept{0};

}  // namespace

// Before those of the C library, also for other libraries.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto outcome = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME) time->tv_sec += slept.load();
  return outcome;
}
extern "C" time_t time(time_t* seconds) noexcept {
  timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != nullptr) *seconds = now.tv_sec;
  return now.tv_sec;
}

namespace mintmark::test {

void machine_slept(std::chrono::seconds span) { slept += span.count(); }

}  // namespace mintmark::test
