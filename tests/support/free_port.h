#pragma once

#include <cstdint>

namespace mintmark::test {

/// A TCP port of the loopback that nobody has, for a program that is about to be started. Never the
/// same twice in one process, and below those that the kernel gives out by itself (Linux:
/// ip_local_port_range, 32768 on), so that no connection of another test takes it meanwhile.
/// Throws where there is none. Thread-safe.
[[nodiscard]] std::uint16_t free_port();

}  // namespace mintmark::test
