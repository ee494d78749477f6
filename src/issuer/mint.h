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
#include "issuer/client_rate.h"
#include "issuer/devices.h"
#include "issuer/issuance.h"
#include "issuer/minting_clock.h"
#include "issuer/policies.h"
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
    ClientRate* rate = nullptr;          ///< Null: as often as it likes.
    /// Of Issuance.
    std::function<void(std::function<void()>)> elsewhere = {};
  };

  Issuer(MintOptions options, Parts parts);

  /// The way of one token (docs/architecture.md). Errors are those of ClientAuthentication, attest
  /// and policy, each with its own code, and of Issuance::issue.
  void mint(TokenCall call, hsm::Done<IssuedToken> done);

  [[nodiscard]] verify::Nonces& nonces() { return authentication_.nonces(); }
  /// For other endpoints of the same clients: one memory of proofs, one secret of nonces.
  [[nodiscard]] ClientAuthentication& authentication() { return authentication_; }
  /// For tokens that others decide on.
  [[nodiscard]] Issuance& issuance() { return issuance_; }
  [[nodiscard]] bool challenges_required() const { return options_.challenges_required; }

 private:
  [[nodiscard]] Result<TokenDraft> decide(const TokenCall& call, const keyring::Snapshot& keys,
                                          Moment now);

  MintOptions options_;
  Parts parts_;
  ClientAuthentication authentication_;
  Issuance issuance_;
};

}  // namespace mintmark::issuer
