// The keys of attesters whose word counts: a JWK set (RFC 7517 §5), as an operator wrote it.
// Immutable; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "jose/key.h"

namespace mintmark::attest::eat {

inline constexpr std::size_t most_keys = 64;

class Keys {
 public:
  /// {"keys": [...]}, or one JWK alone. All of them must be sound public keys of an algorithm of
  /// jose::Algorithm (an RSA key says which by `alg`), no `kid` twice, and where there are several
  /// each must have one: `eat_keys_unreadable`.
  [[nodiscard]] static Result<Keys> parse(std::string_view json);

  /// The one that a token's header names; the only one where it names none. `eat_key_unknown`.
  [[nodiscard]] Result<jose::PublicKey> named(std::string_view kid) const;

 private:
  struct Key {
    std::string kid;
    jose::PublicKey key;
  };
  std::vector<Key> keys_;
};

}  // namespace mintmark::attest::eat
