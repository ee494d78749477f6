// Format "eat": a foreign attester's result (RFC 9711, as JWT or CWT; EAR). Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"

namespace mintmark::attest::eat {

struct Options {
  std::string keys;                  ///< A JWK set, its JSON text: whose word counts.
  std::vector<std::string> issuers;  ///< `iss` must be one of them; empty: it is not looked at.
  std::string audience;              ///< `aud` must be or hold it; "": it is not looked at.
  bool warning = false;              ///< Takes an EAR of status "warning" too, by name.
};

/// Evidence: {"token": JWT} or {"cwt": COSE_Sign1, base64url}, whose eat_nonce is the 32 octets of
/// the binding. It refuses with `eat_…` (token.h, claims.h, appraisal.h), `cbor_…`, `cose_…`,
/// `json_…` and `jws_crit_unknown`. `eat_keys_unreadable` from make_format.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::eat
