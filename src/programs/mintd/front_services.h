// The front's side of registered services: who they are, their tokens, what they may ask; and how
// often anybody may ask for tokens, or what services ask.
#pragma once

#include <memory>
#include <optional>

#include "api/service_access.h"
#include "api/token.h"
#include "api/token_revocation.h"
#include "config/config.h"
#include "http/router.h"
#include "issuer/introspection.h"
#include "issuer/rate_limit.h"
#include "issuer/service_tokens.h"
#include "issuer/token_revocation.h"
#include "programs/mintd/front_revocation.h"

namespace mintmark::mintd {

/// Opens services.db in the front's directory. Thread-safe after serve().
class FrontServices {
 public:
  /// All must outlive it.
  struct Parts {
    const issuer::MintingClock& clock;
    const keyring::Keyring& keyring;
    issuer::KeyStores& stores;
    issuer::ReleaseGate& gate;
    const issuer::Devices& devices;
    FrontRevocation& revocation;
  };
  /// Errors of open_service_store.
  [[nodiscard]] static Result<std::unique_ptr<FrontServices>> open(const config::Config& config,
                                                                   Parts parts);

  // Before there is an issuer: what it needs of this.
  [[nodiscard]] issuer::Services& services() { return services_; }
  [[nodiscard]] issuer::ClientRate& client_rate() { return client_rate_; }

  /// The rest, which needs an issuer; that must outlive this.
  void serve(const config::Config& config, std::chrono::milliseconds sign_deadline,
             issuer::Issuer& issuer);
  /// For what strangers ask before they are anybody.
  [[nodiscard]] const api::AddressLimit& by_address() const { return by_address_; }
  /// What the token endpoint needs of this.
  [[nodiscard]] api::TokenDoor token_door();
  /// /introspect and /revoke, below `path`.
  void add_routes(http::Router& router, const std::string& path,
                  api::CertificateSource certificates);
  void add_to_operators(http::Router& router);
  /// For endpoints of services: who may come in, and how others are refused.
  [[nodiscard]] const api::ServiceAccess& access() const { return access_; }
  [[nodiscard]] const api::ServiceRefusal& refusal() const { return refusal_; }

  /// The clock was wrong and is right now.
  void begin_again() { proofs_.begin_again(parts_.clock.now()); }

  void limit(const config::RateLimits& limits);

 private:
  FrontServices(std::unique_ptr<store::ServiceStore> store, Parts parts);

  Parts parts_;
  std::unique_ptr<store::ServiceStore> store_;
  issuer::Services services_;
  issuer::ClientRate client_rate_{services_};
  issuer::RateLimit address_rate_;
  std::optional<issuer::OwnTokens> tokens_;
  std::optional<issuer::ServiceTokens> service_tokens_;
  std::optional<issuer::Introspection> introspection_;
  std::optional<issuer::TokenRevocation> token_revocation_;
  verify::ReplayWindow proofs_{parts_.clock.now()};  ///< Of services' requests.
  api::AddressLimit by_address_;
  api::ServiceAccess access_;
  api::ServiceRefusal refusal_;
};

}  // namespace mintmark::mintd
