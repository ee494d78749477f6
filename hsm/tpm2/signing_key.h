// Keys of an issuer in a TPM: their templates, what the TPM can make of them, and its signatures as
// a JWS has them.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.h"
#include "hsm/tpm2/tpm.h"
#include "jose/key.h"

namespace mintmark::hsm::tpm2 {

/// Signs and does nothing else, made by the TPM and bound to it and to its parent, used by its
/// policy alone (userWithAuth clear), outside the dictionary-attack protection: ECC P-256 and P-384
/// with ECDSA, RSA-2048 with RSASSA or RSAPSS, over the algorithm's hash. `hsm_mechanism_missing`
/// for Ed25519, which ESAPI 3 does not know.
[[nodiscard]] Result<TPM2B_PUBLIC> signing_key_template(jose::Algorithm algorithm,
                                                        const Sha256& policy);

/// TPM2_TestParms (Part 3, 30.3): `hsm_mechanism_missing` if this TPM makes no such keys.
[[nodiscard]] Result<void> check_makes(const Tpm& tpm, jose::Algorithm algorithm);

/// The public key of an area of signing_key_template(algorithm, …).
[[nodiscard]] Result<jose::PublicKey> public_key_of(const TPMT_PUBLIC& area,
                                                    jose::Algorithm algorithm);

/// What TPM2_Sign takes: SHA-256 of the input, SHA-384 for ES384.
[[nodiscard]] Result<TPM2B_DIGEST> digest_for(jose::Algorithm algorithm, BytesView input);

/// r || s, or the RSA signature.
[[nodiscard]] Result<Bytes> jws_signature(jose::Algorithm algorithm,
                                          const TPMT_SIGNATURE& signature);

}  // namespace mintmark::hsm::tpm2
