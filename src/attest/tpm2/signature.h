// Signatures that an AK makes over TPMS_ATTEST.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "attest/tpm2/structures.h"

namespace mintmark::attest::tpm2 {

/// The AK must be ECC P-256 or P-384 with ECDSA, or RSA of 2048 to 4096 bits with RSASSA or RSAPSS,
/// in each case over SHA-256 or SHA-384, and the signature of just that scheme. `signature_scheme`,
/// `signature_hash` (SHA-1, or another than the key's), `signature_invalid`.
[[nodiscard]] Result<void> check_signature(const TPMT_PUBLIC& ak, BytesView signed_octets,
                                           const TPMT_SIGNATURE& signature);

/// nullptr is no key.
using PublicKey = std::shared_ptr<EVP_PKEY>;

/// The key of a public area for OpenSSL; nullptr where it is neither RSA nor ECC on P-256 or P-384,
/// or a point that is not on its curve. Bound its size before (check_attestation_key).
[[nodiscard]] PublicKey openssl_key_of(const TPMT_PUBLIC& area);

/// The cryptography alone: RSASSA, RSAPSS or ECDSA as the key's type has it, over any hash known
/// here, SHA-1 among them. Whether that is good enough is check_signature's to say.
/// `signature_scheme`, `signature_hash`, `signature_invalid`.
[[nodiscard]] Result<void> verify_signature(EVP_PKEY* key, BytesView signed_octets,
                                            const TPMT_SIGNATURE& signature);

/// The scheme's hash; nullopt for a key that has none, or one not taken here.
[[nodiscard]] TPM2_ALG_ID signing_hash(const TPMT_PUBLIC& key);
[[nodiscard]] TPM2_ALG_ID signing_scheme(const TPMT_PUBLIC& key);

/// The point of an ECC public area, as 04 || X || Y; `tpm_structure` for a curve that is neither
/// P-256 nor P-384 or a coordinate that is too long.
[[nodiscard]] Result<Bytes> point_of(const TPMT_PUBLIC& key);

}  // namespace mintmark::attest::tpm2
