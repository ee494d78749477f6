// What a client signs for an authorisation server: DPoP proofs (RFC 9449 §4.2) and client
// assertions (RFC 7523 §3).
#pragma once

#include <string>

#include "base/error.h"
#include "base/time.h"
#include "jose/signing_key.h"

namespace mintmark::jose {

/// A proof is for one call and one moment.
struct ProofClaims {
  std::string htm;
  std::string htu;           ///< Without query and fragment.
  std::string access_token;  ///< "": no `ath`, as the issuer's own endpoints take it.
  std::string nonce{};       ///< "": none.
};

/// Errors of SigningKey::sign.
[[nodiscard]] Result<std::string> sign_proof(SigningKey& key, const ProofClaims& claims,
                                             Moment now);

/// A client assertion for one request to this issuer's token endpoint (private_key_jwt), good for a
/// minute. `vouched_jkt`: thumbprint of another key, whose proof beside it the issuer shall take
/// (docs/adr/0011); "": none. Errors of SigningKey::sign.
[[nodiscard]] Result<std::string> make_assertion(SigningKey& key, const std::string& client_id,
                                                 const std::string& issuer, Moment now,
                                                 const std::string& vouched_jkt = "");

}  // namespace mintmark::jose
