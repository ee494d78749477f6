#include "revoke/permutation.h"

#include <algorithm>
#include <bit>

namespace mintmark::revoke {
namespace {

constexpr std::size_t values_a_hash = 16;  // Of 16 bits.

// The secret and the counter have lengths of their own that never change: no keyed hash is needed.
std::vector<std::uint16_t> table_of(const Sha256& secret, unsigned round, std::size_t size) {
  std::vector<std::uint16_t> table;
  table.reserve(size + values_a_hash);
  for (std::uint32_t block = 0; table.size() < size; ++block) {
    Bytes input(secret.begin(), secret.end());
    input.push_back(static_cast<std::uint8_t>(round));
    for (unsigned shift = 0; shift < 32; shift += 8)
      input.push_back(static_cast<std::uint8_t>(block >> shift));
    const Sha256 hash = sha256(BytesView(input));
    for (std::size_t i = 0; i < hash.size(); i += 2)
      table.push_back(static_cast<std::uint16_t>(hash.at(i) << 8U | hash.at(i + 1)));
  }
  table.resize(size);
  return table;
}

}  // namespace

Permutation::Permutation(const Sha256& secret, std::uint32_t entries)
    : low_bits_(static_cast<unsigned>(std::countr_zero(entries)) / 2),
      high_bits_(static_cast<unsigned>(std::countr_zero(entries)) - low_bits_) {
  // Every other round reads the low half and changes the high one.
  for (unsigned round = 0; round < rounds; ++round)
    tables_.at(round) = table_of(secret, round, 1U << (round % 2 == 0 ? low_bits_ : high_bits_));
}

std::uint32_t Permutation::operator()(std::uint32_t number) const {
  const std::uint32_t low_mask = (1U << low_bits_) - 1;
  const std::uint32_t high_mask = (1U << high_bits_) - 1;
  std::uint32_t low = number & low_mask;
  std::uint32_t high = number >> low_bits_ & high_mask;
  for (unsigned round = 0; round < rounds; round += 2) {
    high ^= tables_.at(round).at(low) & high_mask;
    low ^= tables_.at(round + 1).at(high) & low_mask;
  }
  return high << low_bits_ | low;
}

}  // namespace mintmark::revoke
