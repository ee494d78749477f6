// How fast a token signs with nothing of ours in between: the rate that a token endpoint is
// measured against.
#pragma once

#include <chrono>

#include "config/config.h"

namespace mintmark::test {

struct RawSignRate {
  double signatures_a_second = 0;
  std::chrono::microseconds p50{0};
  std::chrono::microseconds p99{0};
};

/// C_SignInit and C_Sign (CKM_ECDSA, P-256) by `threads` threads, a session each, with a token key
/// made for this and destroyed after it. Loads and initialises the module: not beside an open key
/// store. Throws on any error.
[[nodiscard]] RawSignRate measure_raw_sign(const config::HsmStore& store, unsigned threads,
                                           std::chrono::milliseconds span);

}  // namespace mintmark::test
