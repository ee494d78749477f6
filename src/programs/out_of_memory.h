// What a program does when it gets no more memory: whatever can be refused is, all else ends the
// program, with a line in the log that needs no memory. Whoever started it starts it again.
#pragma once

#include <cstdint>

namespace mintmark::programs {

/// Ended for want of memory, and said so.
inline constexpr int exit_out_of_memory = 12;

/// From now on: memory that is refused is counted, and std::terminate() tells what for in one line,
/// `out_of_memory` or `program_died`. For the end of an uncaught std::bad_alloc the exit status is
/// exit_out_of_memory. `program` lives as long as the process. Once, before there are threads.
/// `before_end` is called after the line, by whichever threads end the process: what must not be
/// cut short ends there. It may need no memory.
void watch_memory(const char* program, void (*before_end)() = nullptr);

/// How often `new` got none; thread-safe. What C libraries were refused, they tell by errors of
/// their own.
[[nodiscard]] std::uint64_t memory_refusals();

}  // namespace mintmark::programs
