// What mint-gate verify-evidence says, for people and as JSON.
#pragma once

#include <string>
#include <vector>

#include "attest/evidence/judge.h"

namespace mintmark::programs {

/// One key, and what became of it.
struct JudgedKey {
  attest::evidence::Row row;
  /// What was found, also where it is less than what was asked for.
  std::optional<attest::evidence::Finding> found;
  /// Why it is not proven; absent: it is.
  std::optional<Error> refusal;
};

/// Whether nothing can be said of the key: who would have to be asked cannot be, or not now.
[[nodiscard]] bool is_unavailable(const JudgedKey& key);

/// Prints, and gives the exit status: 1 if a key is refused, else 3 if nothing can be said of one,
/// else 0.
[[nodiscard]] int answer(const std::string& issuer, attest::evidence::Level required,
                         const std::vector<JudgedKey>& keys, bool json);

}  // namespace mintmark::programs
