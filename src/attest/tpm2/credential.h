// TPM2_MakeCredential in software: a secret that only the TPM with this EK, holding an object of
// this name, can open (TPM 2.0 Part 1, 24).
#pragma once

#include "attest/tpm2/endorsement.h"
#include "attest/tpm2/hash.h"

namespace mintmark::attest::tpm2 {

struct Challenge {
  Bytes credential_blob;   ///< TPM2B_ID_OBJECT
  Bytes encrypted_secret;  ///< TPM2B_ENCRYPTED_SECRET
};

/// `secret` at most 32 octets. Fresh randomness each time. `ek_key_unsupported` if OpenSSL cannot
/// use the key.
[[nodiscard]] Result<Challenge> make_credential(EkKind kind, const EVP_PKEY& ek,
                                                BytesView object_name, BytesView secret);

// The parts of it, for known answers.

/// Part 1, 11.4.10.2 (SP 800-108 counter mode with HMAC).
[[nodiscard]] Bytes kdfa(const Hash& hash, BytesView key, std::string_view label,
                         BytesView context_u, BytesView context_v, unsigned bits);
/// Part 1, 11.4.10.3 (SP 800-56A).
[[nodiscard]] Bytes kdfe(const Hash& hash, BytesView z, std::string_view label, BytesView party_u,
                         BytesView party_v, unsigned bits);
/// Part 1, 24.4 and 24.5: the seed's identity object, TPM2B_ID_OBJECT.
[[nodiscard]] Result<Bytes> seal_identity(const Hash& hash, unsigned aes_bits, BytesView seed,
                                          BytesView object_name, BytesView secret);

}  // namespace mintmark::attest::tpm2
