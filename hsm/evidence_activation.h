// Activation of a store's attestation key: how somebody else convinces himself that it lives in the
// TPM of a certain EK (TPM 2.0 Part 1, 24).
#pragma once

#include "base/bytes.h"
#include "hsm/key_store.h"

namespace mintmark::hsm {

/// How every secret begins that is given away: 16 octets, then at most 16 that the asker chose
/// (attest/tpm2/key_evidence.h makes them so). Elsewhere an opened credential stands for "I am this
/// TPM": secrets of enrolments, ours or another's, do not begin like this, and nobody can have them
/// opened here.
inline constexpr std::string_view activation_label = "mintmark keyev 1";

/// What TPM2_MakeCredential gave for the key of one EK certificate and the AK's Name.
struct SealedCredential {
  std::uint32_t ek_index = 0;  ///< NV index of that certificate, as the evidence names it.
  Bytes credential_blob;       ///< TPM2B_ID_OBJECT
  Bytes encrypted_secret;      ///< TPM2B_ENCRYPTED_SECRET
};

/// Implemented by stores whose evidence has an attestation key. Thread-safe, never blocks, `done`
/// exactly once. Errors: those of KeyAdmin; `activation_unavailable` (no such key in this store, or
/// no such EK certificate in its TPM), `tpm_credential_refused` (sealed to another EK or AK, or
/// damaged), `tpm_ek_mismatch`, `activation_secret_foreign` (the secret does not begin with
/// `activation_label`: it is not told), `activation_behind_tokens` (signatures wait for the TPM).
class EvidenceActivation {
 public:
  virtual ~EvidenceActivation() = default;
  /// TPM2_ActivateCredential (Part 3, 12.5): the secret, at most 32 octets.
  virtual void activate(const SealedCredential& credential, Deadline deadline,
                        Done<Bytes> done) = 0;
};

}  // namespace mintmark::hsm
