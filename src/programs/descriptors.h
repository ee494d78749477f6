// How many descriptors a server may open, and how many of them connections get.
#pragma once

#include <cstddef>

namespace mintmark::programs {

/// Raises this process's own limit (RLIMIT_NOFILE) as far as it may without leave, and says what it
/// is then. Where it cannot be raised, it stays.
std::size_t raise_descriptor_limit();

/// How many connections may be open at once of the `wanted` ones, so that files, databases, other
/// processes' channels and the listeners beside them still find a descriptor. At least one.
[[nodiscard]] std::size_t connections_within(std::size_t descriptors, std::size_t wanted);

}  // namespace mintmark::programs
