// What fault_shim is told to play, in memory that the test and the processes share: one file for
// each program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mintmark::test {

struct FaultPage {
  std::int64_t clock_seconds = 0;  ///< The wall clock is so much further.
  std::uint64_t refuse_from = 0;   ///< Whoever wants as many octets at once gets none; 0: nobody.
  bool read_only = false;          ///< Nothing is written at a place in a file (SQLite's writes).
};

}  // namespace mintmark::test
