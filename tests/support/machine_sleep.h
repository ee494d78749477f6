// A machine that slept, as this process sees it.
#pragma once

#include <chrono>

namespace mintmark::test {

/// What a suspend leaves behind: CLOCK_BOOTTIME, CLOCK_REALTIME and time() are so much further,
/// and CLOCK_MONOTONIC is where it was. For all of this process, for good. Thread-safe.
void machine_slept(std::chrono::seconds span);

}  // namespace mintmark::test
