// Possession of a certificate's key: a signature over what the issuer wants bound. Pure;
// thread-safe.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "jose/key.h"

namespace mintmark::attest::x509 {

/// `spki`: SubjectPublicKeyInfo (DER) of a certificate that was checked. `alg`: the algorithm by
/// its JOSE name (RFC 7518 §3.1, RFC 9864 §2.2); an rsaEncryption key may sign as RS256 or PS256, a
/// key that is for RSASSA-PSS alone (RFC 4055 §1.2) as PS256 where its parameters allow SHA-256,
/// MGF1 with SHA-256 and a salt of 32 octets. `signature` is as a JWS has it, over `binding` itself
/// and not its digest. Gives the certificate's key. Errors: `x509_signature_scheme` (the name is
/// none of ours, or no algorithm of this key), `x509_possession` (the signature is not this key's
/// over the binding).
[[nodiscard]] Result<jose::PublicKey> check_possession(BytesView spki, std::string_view alg,
                                                       BytesView binding, BytesView signature);

}  // namespace mintmark::attest::x509
