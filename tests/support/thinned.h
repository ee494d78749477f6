// Long tables: a part of them in tests/run, all in tests/long.
#pragma once

#include <cstddef>
#include <cstdlib>

namespace mintmark::test {

/// Whether the `nth` row of the table's `turn` is tried: one of four, in each turn others; all of
/// them with MINTMARK_WHOLE_TABLES=1.
[[nodiscard]] inline bool is_tried(std::size_t nth, std::size_t turn) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it meanwhile.
  static const bool whole = std::getenv("MINTMARK_WHOLE_TABLES") != nullptr;
  return whole || (nth + turn) % 4 == 0;
}

}  // namespace mintmark::test
