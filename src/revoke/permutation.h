// A secret order of a list's entries: which one a token got tells nothing of when it got it, nor
// who came next to it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace mintmark::revoke {

/// A permutation of 0 … entries - 1: a Feistel network whose round functions are tables drawn from
/// the secret. Immutable.
class Permutation {
 public:
  /// `entries`: a power of two from 4 to 2^24. Costs some hundred hashes for a million entries.
  Permutation(const Sha256& secret, std::uint32_t entries);

  [[nodiscard]] std::uint32_t operator()(std::uint32_t number) const;

 private:
  /// Halves are small, so that four would let statistics see something of the order.
  static constexpr unsigned rounds = 8;

  unsigned low_bits_;
  unsigned high_bits_;
  std::array<std::vector<std::uint16_t>, rounds> tables_;
};

}  // namespace mintmark::revoke
