// PKCS#10 certificate requests (RFC 2986), signed by a key in a token.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

struct evp_pkey_st;

namespace mintmark::hsm::libp11 {

struct RequestSpec {
  std::string subject;                 ///< As parse_subject takes it.
  std::vector<std::string> dns;        ///< Subject alternative names (RFC 5280 §4.2.1.6).
  std::vector<std::string> addresses;  ///< IPv4 or IPv6.
};

/// `invalid_argument` says which name is no good. To be asked before a PIN is.
[[nodiscard]] Result<void> check(const RequestSpec& spec);

/// PEM. `key` signs; `public_key` (SubjectPublicKeyInfo, DER) is what the request is for, and what
/// the signature is checked with before it is given out: `hsm_signature_wrong`. SHA-256 for RSA and
/// P-256, SHA-384 for P-384, SHA-512 beyond.
[[nodiscard]] Result<std::string> sign_request(evp_pkey_st* key, BytesView public_key,
                                               const RequestSpec& spec);

}  // namespace mintmark::hsm::libp11
