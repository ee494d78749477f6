// Keys of an issuer in a TPM behind the ports Signer and KeyAdmin. This header shows no ESAPI.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "hsm/evidence_activation.h"
#include "hsm/key_store.h"
#include "hsm/vitals.h"

namespace mintmark::hsm::tpm2 {

/// Thread-safe; no call blocks its caller. One thread owns the TPM and does one call after the
/// other; a TPM makes a few signatures a second, so calls that cannot be done in time are refused
/// at once (paced_queue.h). After each call the TPM holds nothing of ours. A connection that is
/// lost is made anew, and the call that met it is done again.
///
/// Keys never leave the TPM and die with their counter (key_policy.h, counter.h): what is in the
/// directory signs nothing without this TPM, the PIN, and a counter that has not moved. Each
/// signature is verified with the key's public half, or as `self_check` says.
///
/// Errors beside those of the ports: `hsm_key_ended`, `hsm_key_foreign`, `hsm_mechanism_missing`,
/// `hsm_nv_full`, `hsm_owner_refused`, `hsm_root_changed`, `hsm_answer_forged` (commands too),
/// `hsm_boot_state`, `hsm_boot_policy`, `hsm_signature_wrong`. `overloaded` carries the seconds to
/// wait.
class TpmKeyStore final : public Signer, public KeyAdmin, public EvidenceActivation {
 public:
  /// Refuses what waits with `hsm_unavailable`, lets the call in the TPM end. Not from within a
  /// `done`.
  ~TpmKeyStore() override;

  void sign(const KeyId& key, std::string signing_input, Deadline deadline,
            Done<Bytes> done) override;
  /// Looks at each key's counter: one whose file was restored is unfit, and says so.
  void list(Deadline deadline, Done<std::vector<KeyInfo>> done) override;
  void generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) override;
  void destroy(const KeyId& key, Deadline deadline, Done<void> done) override;
  /// kind "tpm2-certify" (issuer_evidence.h).
  void evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) override;
  void activate(const SealedCredential& credential, Deadline deadline, Done<Bytes> done) override;

  /// As measured so far: at opening by the attestation key, then by every signature.
  [[nodiscard]] double signatures_a_second() const;

 private:
  friend Result<std::unique_ptr<TpmKeyStore>> open_key_store(
      const config::HsmStore& store, const std::string& issuer,
      const std::vector<jose::Algorithm>& needed, std::shared_ptr<Vitals> vitals);
  struct Parts;
  explicit TpmKeyStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// `store.tpm` must be there. Reads the PIN (and the owner's authorisation, where one is named),
/// connects, opens the directory or, the first time, makes the store; measures three signatures.
/// Blocks for as long as the TPM does. `issuer`: the URL that evidence is bound to. `needed`: what
/// the TPM must make keys for.
///
/// Errors: `hsm_pin_source`, `hsm_pin_unreadable`, `hsm_pin_exposed`, `hsm_pin_empty`,
/// `hsm_pin_refused` (another PIN than the store was made with; nothing is locked by it),
/// `hsm_owner_refused`, `hsm_mechanism_missing`, `hsm_blobs_in_use`, `hsm_blob_malformed`,
/// `hsm_boot_policy`, `hsm_root_changed`, `hsm_unavailable`, `hsm_failed`, `io_failed`.
[[nodiscard]] Result<std::unique_ptr<TpmKeyStore>> open_key_store(
    const config::HsmStore& store, const std::string& issuer,
    const std::vector<jose::Algorithm>& needed = {}, std::shared_ptr<Vitals> vitals = nullptr);

}  // namespace mintmark::hsm::tpm2
