// POST /admin/v1/keys: the one kind of key that an operator asks for.
#pragma once

#include <functional>

#include "hsm/key_store.h"
#include "http/message.h"

namespace mintmark::admin {

/// Makes a key in the store that mintd has; the answer is describe_key()'s.
using GenerateKey = std::function<void(const hsm::KeySpec& spec, hsm::Done<Json> done)>;

/// Body: {"purpose": "tls", "algorithm": "ES256"|"ES384" (default ES256)}. Keys of other purposes
/// have a life in the journal and are refused here: `admin_member_wrong`.
[[nodiscard]] http::Handler key_generation(GenerateKey generate);

/// {"kid", "id", "store", "purpose", "algorithm", "uri", "public_key"}: the URI (RFC 7512) names
/// the private key for other PKCS#11 programs; the public key is PEM. `token` is the store's token
/// as the configuration has it, a label or a URI.
[[nodiscard]] Json describe_key(const hsm::KeyInfo& key, const std::string& store,
                                const std::string& token);

}  // namespace mintmark::admin
