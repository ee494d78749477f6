// What proves where each published key lives: collected once a key, for the front to show.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "config/config.h"
#include "hsm/key_store.h"
#include "keyring/keyring.h"

namespace mintmark::mintd {

/// The keeper's memory of evidence. One thread; what it holds is lost with the process: a key whose
/// private half has ended before the next one started is then published without evidence.
class EvidenceCollection {
 public:
  struct Ask {
    /// A store's signer, where its keys are in order; `hsm_unavailable` where they are not.
    std::function<void(const std::string& store, const hsm::KeyId& key,
                       hsm::Done<hsm::KeyEvidence> done)>
        store;
    /// A new piece of evidence, as the `evidence` frame (control.h) has it.
    std::function<void(const Json& frame)> tell;
  };

  /// `now`: of a clock that does not go back.
  using Now = std::function<Deadline::clock::time_point()>;
  EvidenceCollection(const std::vector<config::HsmStore>& stores, Ask ask, Now now);

  /// Asks for what is missing of these keys, one after the other, and forgets all others. What a
  /// signer could not give is asked for again after `patience`. Cheap where nothing is missing.
  void look(const keyring::Snapshot& published);
  /// Tells all that there is, to a front that was started.
  void tell_all() const;

  /// As GET /.well-known/key-evidence has it, each key with its "store" too.
  [[nodiscard]] Json document(const std::string& issuer, const keyring::Snapshot& published) const;

  static constexpr std::chrono::seconds patience{10};

 private:
  struct Known {
    std::string store;
    std::optional<hsm::KeyEvidence> evidence;
    Deadline::clock::time_point again{};
    std::string trouble{};  ///< Why there is none, as the log has it.
  };
  void ask(const keyring::PublishedKey& key);
  void answered(const std::string& kid, Result<hsm::KeyEvidence> evidence);
  static void note(const std::string& kid, Known& known, const Error& why);
  [[nodiscard]] const config::HsmStore* configured(const std::string& store) const;
  [[nodiscard]] static Json frame_of(const std::string& kid, const Known& known);

  const std::vector<config::HsmStore>& stores_;
  Ask ask_;
  Now now_;
  std::map<std::string, Known> known_;  ///< By kid.
  bool asking_ = false;
};

/// The module's attributes with what the vendor's file says beside them: kind as configured, facts
/// {"certificates": [DER, base64url, the key's first], "attributes": those of the module}. The
/// module's own evidence where there is no file DIR/KID.pem; `vendor_attestation_unreadable`.
[[nodiscard]] Result<hsm::KeyEvidence> with_vendor_attestation(
    const std::optional<config::VendorAttestation>& attestation, const std::string& kid,
    hsm::KeyEvidence evidence);

}  // namespace mintmark::mintd
