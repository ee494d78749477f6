// How many file descriptors a daemon may have, alike in all of them, and how many of them
// connections get.
#pragma once

#include <cstddef>

namespace mintmark::programs {

/// Raises this process's own limit (RLIMIT_NOFILE) as far as it may without leave, for those that
/// it starts too, and says what it is then. Where it cannot be raised, it stays.
std::size_t raise_descriptor_limit();

/// How many connections may be open at once of the `wanted` ones, so that files, databases, other
/// processes' channels and the listeners beside them still find a descriptor. At least one.
[[nodiscard]] std::size_t connections_within(std::size_t descriptors, std::size_t wanted);

struct Descriptors {
  std::size_t limit = 0;
  bool scarce = false;  ///< Fewer than 16 are left, as far as can be seen by taking some.
};
/// Thread-safe. Costs 16 calls of the system and takes nothing for longer.
[[nodiscard]] Descriptors look_at_descriptors();

}  // namespace mintmark::programs
