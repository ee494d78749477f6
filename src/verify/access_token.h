// Access tokens: at+jwt (RFC 9068) by a published key, for us, in time, bound to a device key.
#pragma once

#include <chrono>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "jose/jws.h"
#include "mintmark/verifier.h"
#include "verify/key_set.h"

namespace mintmark::verify {

struct TokenExpectation {
  std::string_view issuer;
  std::string_view audience;
  std::chrono::seconds skew;
  Moment now;
  const std::vector<std::string>& key_protections;  ///< Empty: any.
};

/// `token_malformed`.
[[nodiscard]] Result<jose::UnverifiedJws> parse_access_token(std::string_view token);

/// RFC 9068 §4 and RFC 8725 §3; the first check that fails gives the error, `token_typ` to
/// `token_key_protection` as Refusal has them. Whether the sender holds the key of `cnf.jkt` is a
/// proof's to say. Thread-safe.
[[nodiscard]] Result<VerifiedToken> check_access_token(jose::UnverifiedJws jws, const KeySet& keys,
                                                       const TokenExpectation& expected);

}  // namespace mintmark::verify
