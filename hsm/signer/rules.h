// The rules of purpose: what a key may sign. Held inside the signer's process, so that a front in
// strange hands cannot have signed what they forbid. Pure.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "hsm/key_store.h"

namespace mintmark::hsm::signer {

struct PurposeRules {
  std::string issuer;
  std::map<Purpose, std::chrono::seconds>
      longest_life;               ///< A purpose without an entry signs nothing.
  std::chrono::seconds skew{60};  ///< How far `iat` may be from the signer's clock.
  bool tls = false;               ///< Whether keys of purpose `tls` sign at all.
};

/// `purpose_refused`, with what does not fit, unless the signing input is a JWS of the key's
/// purpose: its `typ`, the key's `alg` and `kid` and no other member in the header, our `iss`
/// (access tokens: required; client attestations: absent or ours), `iat` near the clock, `exp`
/// after it and within the longest life, `cnf` with `jkt`, `x5t#S256` or both and nothing else in
/// an access token (each a SHA-256; RFC 9449 §6.1, RFC 8705 §3.1), a public `cnf.jwk` in a client
/// attestation. A result has our `eat_profile`, `sub`, `submods` with an `ear_status` each, `cnf`
/// with `jkt` alone, and none of `aud`, `scope`, `client_id`, `azp`. A status list is a JWT, or the
/// COSE Sig_structure of a CWT (list_rules.h). Of what services are told each `typ` has its own
/// claim (`head`, `events`, `token_introspection`), none has `cnf`, `scope`, `client_id` or `azp`,
/// and security events and answers to introspection may lack `exp`. A TLS key signs no JWS: see
/// certificate_verify.h. What a header or claim says is never quoted whole: the front's words end
/// up in the keeper's log.
[[nodiscard]] Result<void> check_purpose(const PurposeRules& rules, const KeyInfo& key,
                                         std::string_view signing_input, Moment now);

}  // namespace mintmark::hsm::signer
