// The way of a token from what was decided to the moment it leaves: the same for devices and for
// services.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "hsm/key_store.h"
#include "issuer/client_authentication.h"
#include "issuer/client_rate.h"
#include "issuer/ledger.h"
#include "issuer/minting_clock.h"
#include "issuer/release_gate.h"
#include "issuer/stores.h"
#include "keyring/keyring.h"

namespace mintmark::issuer {

struct IssuedToken {
  std::string token;
  const char* token_type = "";  ///< "DPoP" (RFC 9449 §5), or "Bearer" (RFC 8705 §3).
  std::chrono::seconds expires_in{};
  std::vector<std::string> scopes;
};

/// What somebody decided that a client may have.
struct TokenDraft {
  AuthenticatedClient client;
  jose::Algorithm algorithm = jose::Algorithm::es256;
  std::string audience;
  std::vector<std::string> scopes;
  std::chrono::seconds life{};
  std::string rule;  ///< Of the policy; "": none granted it.
  bool ends_with_evidence = false;
  Json further_claims;  ///< Beside those of RFC 9068 §2.2, `cnf` and `status`.
  /// Whether what it was decided by, beside keys and revocations, has not moved since. Asked inside
  /// the gate, so it must not wait.
  std::function<bool()> still_stands;
};

/// Thread-safe. All references must outlive it and every call under way.
class Issuance {
 public:
  struct Options {
    std::string issuer;
    std::chrono::milliseconds sign_deadline{2000};
  };
  struct Parts {
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    KeyStores& stores;
    ReleaseGate& gate;
    Ledger ledger;
    ClientAuthentication& authentication;
    ClientRate* rate = nullptr;  ///< Null: as often as it likes.
    /// Where a request is decided again after its token was logged: others wait for the log's own
    /// thread. Empty: there all the same.
    std::function<void(std::function<void()>)> elsewhere = {};
  };
  /// Decides for one request, each time anew.
  using Decide = std::function<Result<TokenDraft>(const keyring::Snapshot& keys, Moment now)>;

  Issuance(Options options, Parts parts) : options_(std::move(options)), parts_(std::move(parts)) {}

  /// `done` is called once; no thread waits for the hardware, nor for the disk. Errors: those of
  /// `decide`; of ClientAuthentication::use_up and RateLimit, asked once, when nothing else can
  /// refuse; `keys_not_ready`, `clock_behind`, `status_index_unavailable`; of KeyStores;
  /// `issuance_log_failed`, `overloaded` of the log.
  ///
  /// After signing, the token is written to the log. When it is there, all that it was decided by
  /// is looked at again, inside the gate that `done` is called in: if something has moved, it is
  /// decided again, and `decision_moving` ends what never comes to rest. The entry in a status list
  /// of a token that does not leave stays unused.
  void issue(Decide decide, hsm::Done<IssuedToken> done);

 private:
  struct Request;
  struct Decision;
  void attempt(const std::shared_ptr<Request>& request);
  [[nodiscard]] Result<Decision> decide(const Request& request, Moment now) const;
  [[nodiscard]] Result<void> spend(const AuthenticatedClient& client, Moment now);
  void sign(const std::shared_ptr<Request>& request, Decision decided);
  [[nodiscard]] std::string input(const Decision& decision, const keyring::PublishedKey& key) const;
  void log(const std::shared_ptr<Request>& request, const std::shared_ptr<Decision>& decision,
           Result<std::string> token);
  [[nodiscard]] bool still_stands(const Decision& decision) const;
  void release(const std::shared_ptr<Request>& request, const Decision& decision,
               std::string token);
  void decide_again(const std::shared_ptr<Request>& request);

  Options options_;
  Parts parts_;
};

}  // namespace mintmark::issuer
