// One C_SignInit with its C_Sign.
#pragma once

#include "hsm/pkcs11/cryptoki.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/pkcs11/module.h"

namespace mintmark::hsm::pkcs11 {

/// `input` as sign_input() gives it for that mechanism. The signature is the module's word: nothing
/// is verified. After an error the session may hold half an operation.
[[nodiscard]] Result<Bytes> raw_signature(const Session& session, const SigningMechanism& mechanism,
                                          CK_OBJECT_HANDLE key, BytesView input);

}  // namespace mintmark::hsm::pkcs11
