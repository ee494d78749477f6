// Format "eat": a foreign attester's result (RFC 9711, as JWT or CWT; EAR). Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"

namespace mintmark::attest::eat {

struct Options {
  std::string keys;                  ///< A JWK set, its JSON text (keys.h): whose word counts.
  std::vector<std::string> issuers;  ///< Of keys that name none themselves.
  std::string audience;              ///< `aud` must be or hold it; "": it is not looked at.
  bool warning = false;              ///< Takes an EAR of status "warning" too, by name.
};

/// Evidence: {"token": JWT} or {"cwt": COSE_Sign1, base64url}, whose eat_nonce is the 32 octets of
/// the binding (of Azure Attestation: check_nonce). Device: hash_fields over "eat", the attester's
/// name (Attester::name), and ueid, else sub, else the thumbprint of the token's key. It refuses
/// with `eat_…` (token.h, claims.h, appraisal.h), `cbor_…`, `cose_…`, `json_…` and
/// `jws_crit_unknown`. `eat_keys_unreadable` from make_format.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::eat
