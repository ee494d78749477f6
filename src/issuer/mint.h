// The use case of every day: a device proves itself and gets a token bound to its key.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "hsm/key_store.h"
#include "issuer/client_authentication.h"
#include "issuer/devices.h"
#include "issuer/ledger.h"
#include "issuer/minting_clock.h"
#include "issuer/policies.h"
#include "issuer/rate_limit.h"
#include "issuer/release_gate.h"
#include "issuer/stores.h"
#include "keyring/keyring.h"
#include "policy/policy.h"

namespace mintmark::issuer {

/// What a token request brought, not yet believed.
struct TokenCall {
  Credentials credentials;
  policy::TokenRequest wanted;  ///< Audience and scopes; what the device adds is added here.
};

struct IssuedToken {
  std::string token;
  const char* token_type = "";  ///< "DPoP" (RFC 9449 §5), or "Bearer" (RFC 8705 §3).
  std::chrono::seconds expires_in{};
  std::vector<std::string> scopes;
};

struct MintOptions {
  std::string issuer;
  std::string token_url;  ///< What `htu` must name.
  bool challenges_required = false;
  std::chrono::seconds longest_life{300};
  std::chrono::seconds freshness{86400};
  std::chrono::milliseconds sign_deadline{2000};
  keyring::SigningAlgorithms algorithms = {};
  MutualTls mutual_tls = {};
};

/// Thread-safe. All references must outlive it and every call under way.
class Issuer {
 public:
  struct Parts {
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    const Devices& devices;
    KeyStores& stores;
    const Policies& policies;
    ReleaseGate& gate;
    Ledger ledger;
    const Services* services = nullptr;  ///< Of authentication().
    RateLimit* rate = nullptr;           ///< By device; null: as often as it likes.
    /// Where a request is decided again after its token was logged: others wait for the log's own
    /// thread. Empty: there all the same.
    std::function<void(std::function<void()>)> elsewhere = {};
  };

  Issuer(MintOptions options, Parts parts);

  /// The way of one token (docs/architecture.md). `done` is called once; no thread waits for the
  /// hardware. Errors are those of ClientAuthentication, attest, policy and hsm, each with its own
  /// code; `keys_not_ready` before the first key, and while the audience's algorithm has none;
  /// `clock_behind`; `status_index_unavailable`; `issuance_log_failed`, `overloaded` of the log of
  /// issued tokens; RateLimit's.
  ///
  /// After signing, the token is written to the log. When it is there, the device's entry, the
  /// keys, the policy and what was revoked are looked at again, inside the gate that `done` is
  /// called in: if one has moved, the request is decided again, and `decision_moving` ends what
  /// never comes to rest. The entry in a status list of a token that does not leave stays unused.
  void mint(TokenCall call, hsm::Done<IssuedToken> done);

  [[nodiscard]] verify::Nonces& nonces() { return authentication_.nonces(); }
  /// For other endpoints of the same clients: one memory of proofs, one secret of nonces.
  [[nodiscard]] ClientAuthentication& authentication() { return authentication_; }
  [[nodiscard]] bool challenges_required() const { return options_.challenges_required; }

 private:
  struct Decision;
  struct Request;
  void attempt(std::shared_ptr<Request> request);
  [[nodiscard]] Result<Decision> decide(const TokenCall& call, Moment now);
  [[nodiscard]] Result<void> spend(const AuthenticatedClient& client, Moment now);
  void sign(std::shared_ptr<Request> request, Decision decided);
  void log(const std::shared_ptr<Request>& request, const std::shared_ptr<Decision>& decision,
           Result<std::string> token);
  void release(const std::shared_ptr<Request>& request, const Decision& decision,
               std::string token);
  void decide_again(const std::shared_ptr<Request>& request);
  [[nodiscard]] bool still_stands(const Decision& decision) const;
  [[nodiscard]] std::string claims_input(const Decision& decision,
                                         const keyring::PublishedKey& key) const;

  MintOptions options_;
  Parts parts_;
  ClientAuthentication authentication_;
};

}  // namespace mintmark::issuer
