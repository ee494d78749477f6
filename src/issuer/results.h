// The use case of those who do not want our tokens: our verdict on a device, signed in the HSM
// under a purpose of its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "hsm/key_store.h"
#include "issuer/client_authentication.h"
#include "issuer/client_rate.h"
#include "issuer/device_result.h"
#include "issuer/devices.h"
#include "issuer/minting_clock.h"
#include "issuer/release_gate.h"
#include "issuer/stores.h"
#include "keyring/keyring.h"

namespace mintmark::issuer {

/// Thread-safe. All references must outlive it and every call under way.
class Results {
 public:
  struct Options {
    ResultOptions result;
    std::chrono::seconds freshness{86400};
    std::chrono::milliseconds sign_deadline{2000};
    jose::Algorithm algorithm = jose::Algorithm::es256;
  };
  struct Parts {
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    const Devices& devices;
    KeyStores& stores;
    ReleaseGate& gate;
    ClientAuthentication& authentication;
    ClientRate* rate = nullptr;  ///< Null: as often as it likes.
  };

  Results(Options options, Parts parts) : options_(std::move(options)), parts_(parts) {}

  /// A device asks for itself: its client attestation and a proof for GET of url_of(id). Gives a
  /// compact JWS. Before anything is spent or signed: `keys_not_ready`, `clock_behind`,
  /// `invalid_argument` (the wish), errors of ClientAuthentication; `device_not_found` for whatever
  /// id is not its own, known or not; those of attest::check_standing; `result_unavailable` for a
  /// device that has nothing attested. Then, once: those of ClientRate::take. After that those of
  /// KeyStores, and `decision_moving`.
  void for_device(Credentials credentials, const std::string& id, ResultWish wish,
                  hsm::Done<std::string> done);

  /// An operator asks for any device that is in good standing, also for one of format "key".
  /// `device_not_found`, and as above.
  void for_operator(const std::string& id, ResultWish wish, hsm::Done<std::string> done);

  [[nodiscard]] std::string url_of(const std::string& id) const {
    return options_.result.issuer + "/devices/" + id + "/result";
  }
  [[nodiscard]] ClientAuthentication& authentication() { return parts_.authentication; }

 private:
  struct Request;
  struct Decision;
  void attempt(const std::shared_ptr<Request>& request);
  [[nodiscard]] Result<Decision> decide(const Request& request, Moment now);
  [[nodiscard]] Result<AuthenticatedClient> authenticate(const Request& request,
                                                         const keyring::Snapshot& keys, Moment now);
  [[nodiscard]] Result<void> spend(const AuthenticatedClient& client, Moment now);
  void sign(const std::shared_ptr<Request>& request, Decision decided);
  void release(const std::shared_ptr<Request>& request, const Decision& decision,
               Result<std::string> result);

  Options options_;
  Parts parts_;
};

}  // namespace mintmark::issuer
