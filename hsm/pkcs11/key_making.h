// C_GenerateKeyPair as our keys want it, and as modules let us.
#pragma once

#include "base/bytes.h"
#include "hsm/pkcs11/cryptoki.h"
#include "hsm/pkcs11/module.h"
#include "jose/key.h"

namespace mintmark::hsm::pkcs11 {

struct NewPair {
  CK_OBJECT_HANDLE public_half = 0;
  CK_OBJECT_HANDLE private_half = 0;
};

/// How a pair is to be known: CKA_ID, CKA_LABEL, what it signs.
struct NewKey {
  Bytes id;
  std::string label;
  jose::Algorithm algorithm = jose::Algorithm::es256;
};

/// In the token, private, sensitive, never to leave it, for signing and, where the module takes the
/// words for it, nothing else. RSA keys have 2048 bits and the exponent 65537. The id is free,
/// which the caller has seen: where the module refuses one template, what has id and label is ended
/// before the next.
[[nodiscard]] Result<NewPair> make_pair(const Session& session, const NewKey& key);

}  // namespace mintmark::hsm::pkcs11
