// One issuer's key store in one TPM: keys under the storage root, their blobs in a directory. For
// the thread that owns it; hsm/tpm2/issuer_key_store.h puts the ports before it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hsm/evidence_activation.h"
#include "hsm/key_store.h"
#include "hsm/tpm2/blobs.h"
#include "hsm/tpm2/issuer_keys.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// Not thread-safe; every call blocks for as long as the TPM does, and leaves nothing loaded in it.
/// Errors of every call: `hsm_unavailable` (the connection is lost, or other programs fill the
/// TPM's slots), `hsm_failed`, `hsm_answer_forged` (an answer does not carry the TPM's HMAC),
/// `hsm_root_changed`, `hsm_pin_refused`; `io_failed` and `hsm_blob_malformed` of the directory.
/// Error::native is the TSS2_RC.
class IssuerTpm {
 public:
  struct Settings {
    std::string tcti;    ///< As open_device() takes it.
    std::string blobs;   ///< The directory.
    std::string issuer;  ///< URL; evidence is bound to it.
    /// Who approves the boot states that new keys demand; none: they demand none.
    std::optional<BootPolicy> boot;
  };

  struct Secrets {
    Secret pin;
    Secret owner;  ///< Authorisation of the owner hierarchy; mostly empty.
  };

  /// Opens or, the first time, makes the store: remembers the storage root's Name and makes the
  /// attestation key. Ends what a crash left half made or half destroyed. `hsm_blobs_in_use`.
  [[nodiscard]] static Result<IssuerTpm> open(Settings settings, Secrets secrets);

  /// Whether the connection must be made anew after this error of a call: it is lost, or an answer
  /// came that ESAPI could make nothing of.
  [[nodiscard]] static bool needs_new_connection(const Error& error);
  /// A new connection to the same TPM. What the old one left there is a resource manager's to
  /// flush.
  [[nodiscard]] Result<void> reconnect();

  /// `hsm_mechanism_missing` if the TPM makes no keys for it.
  [[nodiscard]] Result<void> check_algorithm(jose::Algorithm algorithm) const;
  /// One signature by the attestation key. `hsm_pin_refused`.
  [[nodiscard]] Result<void> prove();

  /// Not verified yet. `hsm_key_unknown`, `hsm_key_ended`, `hsm_key_foreign`, `hsm_key_unfit`,
  /// `hsm_boot_state`, `hsm_boot_policy`.
  [[nodiscard]] Result<Bytes> sign(const KeyId& id, BytesView input);
  /// The key's public half; null where there is none of that id.
  [[nodiscard]] const jose::PublicKey* public_key(const KeyId& id) const;
  /// Each key's counter is looked at, and at the first time whether this TPM opens it: a restored
  /// one, or one of another TPM, is unfit.
  [[nodiscard]] Result<std::vector<KeyInfo>> list();
  /// The new key signs once before it is given out. `hsm_key_exists`, `hsm_mechanism_missing`,
  /// `hsm_nv_full`, `hsm_owner_refused`. What was begun is undone, where the TPM still answers;
  /// else at the next opening.
  [[nodiscard]] Result<KeyInfo> generate(const KeySpec& spec);
  /// A key half made too. Where it breaks off the key signs no more, and the call can be repeated.
  [[nodiscard]] Result<void> destroy(const KeyId& id);
  /// See issuer_evidence.h.
  [[nodiscard]] Result<KeyEvidence> evidence(const KeyId& id);
  [[nodiscard]] Result<Secret> activate(const SealedCredential& credential);

 private:
  struct Key {
    KeyBlob blob;
    jose::PublicKey public_key;
    bool opens = false;  ///< This TPM opened it once.
  };
  IssuerTpm(Settings settings, Secrets secrets, BlobDirectory directory, Tpm tpm);

  [[nodiscard]] Result<void> take_over();
  [[nodiscard]] Result<void> found_store();
  [[nodiscard]] Result<void> read_keys();
  [[nodiscard]] Result<void> finish_what_broke_off();
  /// Finds the root by its Name and starts the session.
  [[nodiscard]] Result<Engagement> engage();
  [[nodiscard]] BootPolicy* boot() { return settings_.boot ? &*settings_.boot : nullptr; }
  [[nodiscard]] Result<Handle> find_root();
  [[nodiscard]] Result<const Key*> find(const KeyId& id) const;
  [[nodiscard]] Result<KeyBlob> plan(const Engagement& with, const KeySpec& spec);
  [[nodiscard]] Result<jose::PublicKey> make(const Engagement& with, KeyBlob& blob);
  [[nodiscard]] Result<void> end(const Engagement& with, KeyBlob blob);
  [[nodiscard]] CounterAccess counters(const Engagement& with) const;
  [[nodiscard]] bool is_another_keys(const KeyBlob& blob) const;
  [[nodiscard]] Result<void> look_at(const Engagement& with, Key& key) const;
  [[nodiscard]] KeyInfo info_of(const Key& key, std::string unfit) const;

  Settings settings_;
  Secrets secrets_;
  BlobDirectory directory_;
  std::unique_ptr<Tpm> tpm_;  ///< Null while there is no connection.
  StoreBlob store_;
  Secret auth_;
  std::map<KeyId, Key> keys_;            ///< Whole ones.
  std::map<KeyId, KeyBlob> broken_off_;  ///< Half made, half destroyed.
};

// Of a file.
[[nodiscard]] SigningKey signing_key_of(const KeyBlob& blob);
[[nodiscard]] Result<jose::PublicKey> public_key_of(const KeyBlob& blob);

/// What the ports say of it: a device's `tpm_…` codes are those of a key store, and an answer that
/// ESAPI could not authenticate has its own.
[[nodiscard]] Error as_store_error(Error error);

}  // namespace mintmark::hsm::tpm2
