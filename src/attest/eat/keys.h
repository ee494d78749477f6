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

/// A configured key, and for whom it speaks.
struct Attester {
  std::string kid;                   ///< "" where its JWK has none.
  std::vector<std::string> issuers;  ///< A token of it must name one; empty: nothing is looked at.
  jose::PublicKey key;

  /// By the operator's word, never a token's: the one issuer that the key is bound to; without one
  /// the key's thumbprint (RFC 7638).
  [[nodiscard]] std::string name() const;
};

class Keys {
 public:
  /// {"keys": [...]}, or one JWK alone. All of them must be sound public keys of an algorithm of
  /// jose::Algorithm (an RSA key says which by `alg`), no `kid` twice, and where there are several
  /// each must have one. A JWK's member `iss` binds its key to that issuer, which must be one of
  /// `issuers` where there are any; a key without it is bound to `issuers`. Of several keys each
  /// must be bound to one alone: else each speaks as any other. `eat_keys_unreadable`.
  [[nodiscard]] static Result<Keys> parse(std::string_view json,
                                          const std::vector<std::string>& issuers);

  /// The one that a token's header names; the only one where it names none. `eat_key_unknown`.
  [[nodiscard]] Result<Attester> named(std::string_view kid) const;

 private:
  std::vector<Attester> keys_;
};

}  // namespace mintmark::attest::eat
