// A registered service gets a token for the issuer itself: bound to its key, of short life.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "hsm/key_store.h"
#include "issuer/client_authentication.h"
#include "issuer/ledger.h"
#include "issuer/mint.h"
#include "issuer/rate_limit.h"
#include "issuer/services.h"

namespace mintmark::issuer {

/// Thread-safe. All references must outlive it and every call under way.
class ServiceTokens {
 public:
  static constexpr std::chrono::seconds longest_life{300};

  struct Options {
    std::string issuer;
    std::chrono::seconds life = longest_life;  ///< No longer than that.
    std::chrono::milliseconds sign_deadline{2000};
    jose::Algorithm algorithm = jose::Algorithm::es256;
  };
  struct Parts {
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    const Services& services;
    KeyStores& stores;
    ReleaseGate& gate;
    ClientAuthentication& authentication;
    Ledger ledger;
    RateLimit* rate = nullptr;  ///< By client; null: as often as it likes.
  };
  ServiceTokens(Options options, Parts parts);

  /// Whether the call says that it comes from a service, known by now or once; nothing of it is
  /// believed. What says so is for mint, whatever else it brings.
  [[nodiscard]] bool is_for_service(const Credentials& credentials) const;

  /// As Issuer::mint, for a service: by private_key_jwt (RFC 7523) and a proof by the same key; the
  /// policy is not asked. Audience is the issuer (`service_audience` for any other), scope what its
  /// role allows: "events" (`service_role`, `service_scope`). Errors: of ClientAuthentication, with
  /// `service_unknown`; `proof_key_mismatch`; RateLimit's; of the Ledger's parts as of
  /// Issuer::mint; those of KeyStores, `keys_not_ready`, `clock_behind`, `decision_moving`.
  void mint(TokenCall call, hsm::Done<IssuedToken> done);

 private:
  struct Request;
  struct Decision;
  void attempt(const std::shared_ptr<Request>& request);
  [[nodiscard]] Result<Decision> decide(const TokenCall& call, Moment now);
  [[nodiscard]] Result<void> spend(const AuthenticatedClient& client, Moment now);
  [[nodiscard]] Result<audit::Issued> drafted(const std::string& service, Moment now) const;
  void sign(const std::shared_ptr<Request>& request, Decision decided);
  [[nodiscard]] std::string claims_input(const Decision& decision,
                                         const keyring::PublishedKey& key) const;
  void log(const std::shared_ptr<Request>& request, const std::shared_ptr<Decision>& decision,
           Result<std::string> token);
  [[nodiscard]] bool still_stands(const Decision& decision) const;
  void decide_again(const std::shared_ptr<Request>& request);
  void release(const std::shared_ptr<Request>& request, const Decision& decision,
               std::string token);

  Options options_;
  Parts parts_;
};

}  // namespace mintmark::issuer
