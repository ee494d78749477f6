// What the issuer's store asks of its TPM, one call at a time: making a key, signing with it,
// certifying it. Each call leaves no object and no session behind.
#pragma once

#include "hsm/tpm2/boot_policy.h"
#include "hsm/tpm2/counter.h"
#include "hsm/tpm2/device.h"
#include "hsm/tpm2/key_policy.h"
#include "jose/key.h"

namespace mintmark::hsm::tpm2 {

/// For the length of one call: the storage root, an HMAC session salted to it, which encrypts, and
/// who approves boot states (null: nobody).
struct Engagement {
  Handle root;
  Handle session;
  BootPolicy* boot = nullptr;
};

/// One key of ours, as its file has it.
struct SigningKey {
  jose::Algorithm algorithm{};
  KeyPolicy policy;
  KeyBlobs blobs;
};

/// The authorisation value of all keys and counters of a store: SHA-256 over a label, the store's
/// salt and the PIN, its last octet never zero (a TPM drops trailing zeros). With the salt two
/// stores of one PIN do not hold each other's counters for their own.
[[nodiscard]] Secret auth_of(BytesView salt, const Secret& pin);

/// A key under the root with that authorisation value, sent encrypted (TPM2_Create, Part 3, 12.1).
/// Checked to be of just that template.
[[nodiscard]] Result<KeyBlobs> create_under(const Tpm& tpm, const Engagement& with,
                                            const Secret& auth, const TPM2B_PUBLIC& area);
/// Loaded, its authorisation value known to ESAPI. `hsm_key_foreign` if the root does not open it.
[[nodiscard]] Result<Handle> load_with_auth(const Tpm& tpm, const Engagement& with,
                                            const Secret& auth, const KeyBlobs& key);

/// The signature as a JWS has it. `hsm_key_ended` if its counter has moved on or is gone,
/// `hsm_key_foreign`, `hsm_pin_refused`; `hsm_boot_state` (boot_state.h), `hsm_boot_policy` where
/// the key demands another authority's approval.
[[nodiscard]] Result<Bytes> sign_with(const Tpm& tpm, const Engagement& with, const Secret& auth,
                                      const SigningKey& key, BytesView input);

/// Whether its counter still has the key's value: `hsm_key_ended` if not.
[[nodiscard]] Result<void> check_counter(const Tpm& tpm, const Engagement& with, const Secret& auth,
                                         const KeyPolicy& policy);
/// Whether this TPM opens the key: `hsm_key_foreign` if not. That stays so.
[[nodiscard]] Result<void> check_opens(const Tpm& tpm, const Engagement& with, const Secret& auth,
                                       const KeyBlobs& key);

/// TPM2_Certify of the key by the AK, both with that authorisation value (Part 3, 18.2).
[[nodiscard]] Result<Statement> certify_with(const Tpm& tpm, const Engagement& with,
                                             const Secret& auth, const KeyBlobs& ak,
                                             const KeyBlobs& key, BytesView qualifying);
/// TPM2_NV_Certify of the counter's content by the AK (Part 3, 31.16).
[[nodiscard]] Result<Statement> certify_counter(const Tpm& tpm, const Engagement& with,
                                                const Secret& auth, const KeyBlobs& ak,
                                                std::uint32_t index, BytesView qualifying);
/// A signature by the AK over nothing of note (TPM2_Quote of no PCR): it shows that the PIN is the
/// store's, and how fast the TPM is. `hsm_pin_refused`.
[[nodiscard]] Result<void> prove_auth(const Tpm& tpm, const Engagement& with, const Secret& auth,
                                      const KeyBlobs& ak);

}  // namespace mintmark::hsm::tpm2
