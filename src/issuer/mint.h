// The use case of every day: a device with a client attestation and a proof gets a token bound to
// its key.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "hsm/key_store.h"
#include "issuer/attestations.h"
#include "issuer/devices.h"
#include "issuer/stores.h"
#include "keyring/keyring.h"
#include "policy/policy.h"
#include "verify/proof.h"
#include "verify/replay.h"

namespace mintmark::issuer {

/// What a token request brought, not yet believed.
struct TokenCall {
  std::string client_attestation;        ///< OAuth-Client-Attestation
  std::string proof;                     ///< DPoP
  std::optional<std::string> client_id;  ///< If given it must be the attestation's `sub`.
  policy::TokenRequest wanted;
};

struct IssuedToken {
  std::string token;
  std::chrono::seconds expires_in{};
  std::vector<std::string> scopes;
};

struct MintOptions {
  std::string issuer;
  std::string token_url;  ///< What `htu` must name.
  std::chrono::seconds longest_life{300};
  std::chrono::seconds freshness{86400};
  std::chrono::milliseconds sign_deadline{2000};
};

/// Thread-safe. All references must outlive it and every call under way.
class Issuer {
 public:
  struct Parts {
    const Clock& clock;
    const keyring::Keyring& keyring;
    const Devices& devices;
    KeyStores& stores;
    std::shared_ptr<const policy::Policy> policy;
  };

  Issuer(MintOptions options, Parts parts);

  /// The way of one token (docs/architecture.md). `done` is called once; no thread waits for the
  /// hardware. Errors are those of verify, attest, policy and hsm, each with its own code;
  /// `keys_not_ready` before the first key.
  void mint(const TokenCall& call, hsm::Done<IssuedToken> done);

 private:
  [[nodiscard]] std::string claims_input(const keyring::PublishedKey& key,
                                         const attest::AttestedDevice& device,
                                         const policy::Grant& grant, Moment now) const;

  MintOptions options_;
  Parts parts_;
  Attestations attestations_;
  verify::ReplayWindow replay_;
};

}  // namespace mintmark::issuer
