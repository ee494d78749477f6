// The issuer's published keys, narrowed to those of one purpose.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "jose/key.h"

namespace mintmark::verify {

/// Immutable.
class KeySet {
 public:
  /// A JWK set (RFC 7517 §5) in which each key says what it is for: `mintmark_purpose`. Taken are
  /// those that say `purpose`, have a `kid` and are public keys we know, for `use` sig and for
  /// their curve's `alg` where those are given; all others are passed over, as RFC 7517 has it.
  /// `keys_malformed`: no JWK set, or two of the keys taken have one kid.
  [[nodiscard]] static Result<KeySet> parse(std::string_view jwks,
                                            std::string_view purpose = "access_token");

  /// Null where there is none; lives as long as the set.
  [[nodiscard]] const jose::PublicKey* find(std::string_view kid) const;
  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  /// In ascending order.
  [[nodiscard]] std::vector<std::string> kids() const;

 private:
  std::map<std::string, jose::PublicKey, std::less<>> keys_;
};

}  // namespace mintmark::verify
