// Access tokens: at+jwt (RFC 9068) by a published key, for us, in time, bound to a key or to a
// certificate.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "jose/jws.h"
#include "mintmark/verifier.h"
#include "verify/key_set.h"

namespace mintmark::verify {

/// What a token with a good signature says; as VerifiedToken's accessors have it. Immutable once
/// read.
struct TokenFacts {
  std::string subject;
  std::string client_id;
  std::string token_id;  ///< Never empty (RFC 9068 §2.2).
  std::vector<std::string> scopes;
  Moment issued_at;
  Moment expires_at;
  std::optional<Moment> not_before;
  std::vector<std::string> audiences;
  std::string jkt;
  std::string certificate_thumbprint;
  std::string key_protection;
  std::string attestation_format;
  std::optional<Moment> attested_at;
  std::string claims;
};

/// What does not change while a verifier lives. The references must live as long as the call.
struct TokenExpectation {
  const std::string& issuer;
  const std::vector<std::string>& audiences;
  const std::vector<std::string>& key_protections;  ///< Empty: any.
};

/// A token whose signature and claims are good, at any time; check_times says whether now.
struct CheckedToken {
  std::shared_ptr<const TokenFacts> facts;
  std::string kid;
  jose::PublicKey key;  ///< What verified it, published under that kid.
};

/// `token_malformed`.
[[nodiscard]] Result<jose::UnverifiedJws> parse_access_token(std::string_view token);

/// An access token by one of these keys, whatever its claims say: for its issuer, who has to find
/// it again. `token_malformed`, `token_typ`, `token_key_unknown`, `token_alg`, `token_signature`.
[[nodiscard]] Result<jose::VerifiedJws> verified_access_token(std::string_view token,
                                                              const KeySet& keys);

/// RFC 9068 §4 and RFC 8725 §3; the first check that fails gives the error, `token_typ` to
/// `token_key_protection` as Refusal has them, without those of time. Whether the sender holds what
/// `cnf` names is not asked here. Thread-safe.
[[nodiscard]] Result<CheckedToken> check_access_token(jose::UnverifiedJws jws, const KeySet& keys,
                                                      const TokenExpectation& expected);

/// `exp`, `nbf`, `iat`: `token_expired`, `token_not_yet_valid`, `token_iat_future`.
[[nodiscard]] Result<void> check_times(const TokenFacts& token, Moment now,
                                       std::chrono::seconds skew);

}  // namespace mintmark::verify
