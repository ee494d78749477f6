// The curves our keys may be on, as tokens name them.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "jose/key.h"

namespace mintmark::hsm::pkcs11 {

/// CKA_EC_PARAMS of the curve of ES256, ES384 or Ed25519: its OID, DER (RFC 5480 §2.1.1.1, RFC 8410
/// §3); empty for RSA.
[[nodiscard]] BytesView params_of(jose::Algorithm algorithm);
/// Ed25519's other name, which PKCS#11 v3.0 §6.3.5 has and some modules want: a PrintableString.
[[nodiscard]] BytesView edwards25519_by_name();

/// From CKA_EC_PARAMS and CKA_EC_POINT. The point may be a DER OCTET STRING, as PKCS #11 v2.40
/// §2.3.3 says, or bare, as some modules give it. `jwk_unsupported` for another curve,
/// `key_off_curve` for no point of it.
[[nodiscard]] Result<jose::PublicKey> public_key_of(BytesView params, BytesView point);

}  // namespace mintmark::hsm::pkcs11
