// Asking for a token by hand, as a client whose key is in software: by assertion (RFC 7523) and a
// DPoP proof.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "stack.h"
#include "support/soft_key.h"

namespace mintmark::test {

/// For "rules" of policy.json: such a client gets `read` of https://api.example for 300 s.
inline constexpr const char* software_rule =
    R"({"name": "software", "match": {"format": "key", "key_protection": "none"}, )"
    R"("grant": [{"audience": "https://api.example", "scopes": ["read"], )"
    R"("longest_life_seconds": 300}]},)";

/// The whole answer of /token, head included; with the nonce that is asked for, if one is. "" and
/// curl's words where there is none within 10 s. Thread-safe.
[[nodiscard]] std::string ask_by_assertion(const Stack& stack, const SoftKey& key,
                                           const std::string& client_id,
                                           const std::string& resource = "https://api.example");

/// Of an answer with its head; 0 where it is none.
[[nodiscard]] int status_of(const std::string& answer);
/// The body of one, {} where it is no JSON.
[[nodiscard]] Json body_of(const std::string& answer);

}  // namespace mintmark::test
