// An Entity Attestation Token (RFC 9711) as JWT or CWT: read, verified by a configured key. Pure;
// thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "attest/eat/keys.h"
#include "base/json.h"
#include "cbor/cbor.h"

namespace mintmark::attest::eat {

/// A token whose signature is by a key that was configured, and that names no other issuer than
/// that key's.
struct Token {
  /// By the names of the JWT (RFC 9711 §7.2.4 has both), octets of a CWT as base64url: one judge
  /// for both.
  Json claims;
  std::string kid;    ///< As its header has it; "" where it has none.
  Attester attester;  ///< Whose key it is.
};

/// Compact JWS. `eat_malformed`, `jws_crit_unknown`, `json_…`; `eat_typ` (another than JWT and
/// eat+jwt), `eat_key_unknown`, `eat_alg` (not the key's), `eat_signature`, and those of
/// check_issuer.
[[nodiscard]] Result<Token> verify_jwt(std::string_view compact, const Keys& keys);
/// COSE_Sign1, with CWT's tag (61) before it or without. Errors of cbor::parse and
/// cbor::parse_sign1, and those of verify_jwt.
[[nodiscard]] Result<Token> verify_cwt(BytesView octets, const Keys& keys);

/// A CWT's claims by the names of the JWT. What has no name here is left out; a claim of another
/// shape than its type becomes null, which no check takes. `eat_malformed`: no map.
[[nodiscard]] Result<Json> claims_of(const cbor::Value& payload);

}  // namespace mintmark::attest::eat
