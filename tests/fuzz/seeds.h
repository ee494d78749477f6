// What a target begins with: its corpus in the tree, and what the test data has for it.
#pragma once

#include "target.h"

namespace mintmark::fuzz {

struct Seed {
  std::string name;  ///< Where it is from, for messages.
  Bytes octets;
};

/// No seed is longer.
inline constexpr std::size_t longest_seed = 64U << 10U;

/// Of a folder CORPUS/NAME, sorted by name.
[[nodiscard]] std::vector<Seed> corpus_of(const std::string& folder, const Target& target);
/// Of the target's topics: the files that the cases name; of PEM the DER inside too, of JSON each
/// text, each key and each set of keys. At most `most`, spread over all that fit. None where there
/// is no test data.
[[nodiscard]] std::vector<Seed> seeds_of_topics(const Target& target, std::size_t most);

}  // namespace mintmark::fuzz
