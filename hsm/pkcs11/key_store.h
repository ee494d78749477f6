// Keys of a PKCS#11 token behind the ports Signer and KeyAdmin. This header shows no Cryptoki: who
// uses a store need not know what a session is.
#pragma once

#include <memory>

#include "base/error.h"
#include "config/config.h"
#include "hsm/key_store.h"
#include "hsm/vitals.h"

namespace mintmark::hsm::pkcs11 {

/// A token, logged in. Thread-safe; no call blocks its caller. Calls are done by one worker a
/// session, taken from a bounded queue; a call whose deadline has passed before its turn is not
/// started. A call that has been started is never cut off.
///
/// Ours are the objects labelled "mintmark <purpose>"; all else on the token is ignored and never
/// touched. A pair that lost one half is not listed (it has no public key to show), is refused for
/// signing as `hsm_key_unknown`, and can be destroyed. No attribute is ever written after
/// generation.
///
/// What is done about each fault stands in one table (rv.cc); the call that met it is done again
/// when that may help. A PIN the token refused is never offered again in this process. No wrong
/// signature is given: each, or with `self_check: sampled` a part of them, is verified with the
/// key's public half first.
///
/// Errors beside those of the ports: `hsm_session_lost`, `hsm_pin_refused`, `hsm_pin_locked`,
/// `hsm_signature_wrong`; `hsm_module_unusable`: this process is of no use any more;
/// `hsm_key_ambiguous`: an id names two pairs of ours, and neither is destroyed (nor signs: they
/// are listed as unfit). `Error::native` is the CK_RV.
class Pkcs11KeyStore final : public Signer, public KeyAdmin {
 public:
  /// Refuses what waits with `hsm_unavailable`, lets the calls in the module end, then closes
  /// sessions and the module. Not from within a `done`.
  ~Pkcs11KeyStore() override;

  void sign(const KeyId& key, std::string signing_input, Deadline deadline,
            Done<Bytes> done) override;
  void list(Deadline deadline, Done<std::vector<KeyInfo>> done) override;

  /// The one look at what is there and the generation are no one step for the token: two processes
  /// on one token must not choose equal ids. A key born with other attributes than asked for is
  /// ended at once and answered as `hsm_key_unfit`.
  void generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) override;
  void destroy(const KeyId& key, Deadline deadline, Done<void> done) override;
  /// kind "pkcs11-attributes": the module's and the token's own words, and the attributes of the
  /// private key.
  void evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) override;

 private:
  friend Result<std::unique_ptr<Pkcs11KeyStore>> open_key_store(
      const config::HsmStore& store, const std::vector<jose::Algorithm>& needed,
      std::shared_ptr<Vitals> vitals);
  struct Parts;
  explicit Pkcs11KeyStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// Loads the module, finds the token, reads the PIN, logs in once, opens the sessions. Blocks for
/// as long as the module does. `store.environment` must be this process's already: modules read it
/// when they are loaded, setenv beside threads is no way. One store a process (a module is
/// initialised and logged in for the process as a whole). `vitals` is told what is being done;
/// null: nobody looks.
///
/// Errors: `hsm_module_unusable`, `hsm_uri_malformed`, `hsm_uri_pin`, `hsm_token_missing`,
/// `hsm_token_ambiguous`, `hsm_pin_source`, `hsm_pin_unreadable`, `hsm_pin_exposed`,
/// `hsm_pin_empty`, `hsm_pin_refused`, `hsm_pin_locked`, `hsm_mechanism_missing`,
/// `hsm_unavailable`, `hsm_failed`.
[[nodiscard]] Result<std::unique_ptr<Pkcs11KeyStore>> open_key_store(
    const config::HsmStore& store, const std::vector<jose::Algorithm>& needed = {},
    std::shared_ptr<Vitals> vitals = nullptr);

}  // namespace mintmark::hsm::pkcs11
