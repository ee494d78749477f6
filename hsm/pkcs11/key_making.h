// C_GenerateKeyPair as our keys want it, and as modules let us.
#pragma once

#include "hsm/key_store.h"
#include "hsm/pkcs11/cryptoki.h"
#include "hsm/pkcs11/module.h"

namespace mintmark::hsm::pkcs11 {

struct NewPair {
  CK_OBJECT_HANDLE public_half = 0;
  CK_OBJECT_HANDLE private_half = 0;
};

/// In the token, private, sensitive, never to leave it, for signing and, where the module takes the
/// words for it, nothing else. RSA keys have 2048 bits and the exponent 65537. Looks at nothing
/// before or after: generate_pair (key_objects.h) does.
[[nodiscard]] Result<NewPair> make_pair(const Session& session, const KeySpec& spec);

}  // namespace mintmark::hsm::pkcs11
