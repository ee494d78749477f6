// JWS of published suites by the library's own parsers, though their payloads are often no claims.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jose/key.h"
#include "verify/key_set.h"

namespace mintmark::artefacts {

/// The header of a compact JWS; what UnverifiedJws::parse would refuse of any JWS, whatever its
/// payload, is refused.
[[nodiscard]] Result<Json> header_of(const std::string& compact);

/// As UnverifiedJws::parse and verify have it, but for the payload, which may be anything. Where it
/// is an object the two must agree: else the test fails.
[[nodiscard]] bool verifies(const std::string& compact, const jose::PublicKey& key);

/// A JWK set as KeySet reads one of our issuer's: keys get its purpose and, where they have none, a
/// kid; RSA keys without `alg` get `rsa_alg`, where it is not "".
[[nodiscard]] Result<verify::KeySet> key_set(const std::string& document,
                                             const std::string& rsa_alg = "");
/// The key that the JWS names by `kid`; all of them, where it names none.
[[nodiscard]] std::vector<const jose::PublicKey*> named_keys(const verify::KeySet& set,
                                                             const Json& header);
/// `alg` of a header, or "".
[[nodiscard]] std::string alg_of(const Json& header);

/// "HS256" and its like.
[[nodiscard]] bool is_symmetric(const std::string& alg);
/// One of ours, by their names and not by asking who parses them; "EdDSA" counts, as in what
/// devices sign.
[[nodiscard]] bool is_ours(const std::string& alg);

/// SubjectPublicKeyInfo in the first PEM block of that label; empty where there is none.
[[nodiscard]] Bytes pem_block(const std::string& text, const std::string& label);

}  // namespace mintmark::artefacts
