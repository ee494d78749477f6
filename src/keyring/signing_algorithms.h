// Which algorithm signs what, as the operator wants it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hsm/key_store.h"
#include "jose/key.h"

namespace mintmark::keyring {

/// What a key is there for: of each kind at most one key signs.
struct KeyKind {
  hsm::Purpose purpose = hsm::Purpose::access_token;
  jose::Algorithm algorithm = jose::Algorithm::es256;

  [[nodiscard]] auto operator<=>(const KeyKind&) const = default;
};

[[nodiscard]] std::string to_string(const KeyKind& kind);  ///< "access_token RS256"

struct SigningAlgorithms {
  /// Of client attestations, and of tokens for every audience that is not named below.
  jose::Algorithm usual = jose::Algorithm::es256;
  std::map<std::string, jose::Algorithm, std::less<>> by_audience;
  /// Results are given, and signed by the usual algorithm.
  bool results = false;

  [[nodiscard]] jose::Algorithm of_token_for(std::string_view audience) const;
  /// The kinds of keys that this needs, each once.
  [[nodiscard]] std::vector<KeyKind> wanted() const;
};

}  // namespace mintmark::keyring
