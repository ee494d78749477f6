// Activation of a store's attestation key: how somebody else convinces himself that it lives in the
// TPM of a certain EK (TPM 2.0 Part 1, 24).
#pragma once

#include "base/bytes.h"
#include "hsm/key_store.h"

namespace mintmark::hsm {

/// What TPM2_MakeCredential gave for the key of one EK certificate and the AK's Name.
struct SealedCredential {
  std::uint32_t ek_index = 0;  ///< NV index of that certificate, as the evidence names it.
  Bytes credential_blob;       ///< TPM2B_ID_OBJECT
  Bytes encrypted_secret;      ///< TPM2B_ENCRYPTED_SECRET
};

/// Implemented by stores whose evidence has an attestation key. Thread-safe, never blocks, `done`
/// exactly once. Errors: those of KeyAdmin; `activation_unavailable` (no such key in this store, or
/// no such EK certificate in its TPM), `tpm_credential_refused` (sealed to another EK or AK, or
/// damaged), `tpm_ek_mismatch`.
class EvidenceActivation {
 public:
  virtual ~EvidenceActivation() = default;
  /// TPM2_ActivateCredential (Part 3, 12.5): the secret, at most 32 octets.
  virtual void activate(const SealedCredential& credential, Deadline deadline,
                        Done<Bytes> done) = 0;
};

}  // namespace mintmark::hsm
