// What a registered service is told of a token (RFC 7662; as a JWT RFC 9701).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "hsm/key_store.h"
#include "issuer/client_authentication.h"
#include "issuer/client_rate.h"
#include "issuer/own_tokens.h"
#include "issuer/services.h"
#include "issuer/stores.h"

namespace mintmark::issuer {

/// What a request for introspection brought, not yet believed.
struct IntrospectionCall {
  Credentials credentials;
  std::string token;
  bool as_jwt = false;  ///< Signed, for whoever has to show it (RFC 9701).
};

/// Thread-safe. All references must outlive it and every call under way.
class Introspection {
 public:
  struct Options {
    std::string issuer;
    std::chrono::milliseconds sign_deadline{2000};
    jose::Algorithm algorithm = jose::Algorithm::es256;
  };
  struct Parts {
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    KeyStores& stores;
    const Services& services;
    const OwnTokens& tokens;
    ClientAuthentication& authentication;
    ClientRate* rate = nullptr;  ///< Null: as often as it likes.
  };
  Introspection(Options options, Parts parts) : options_(std::move(options)), parts_(parts) {}

  /// Gives the JSON of RFC 7662 §2.2, or the JWS of RFC 9701 §5. Whatever is no good token for one
  /// of the service's audiences is {"active": false} and nothing else, so that no service learns of
  /// tokens for others; what is told takes about as long as what is not, since the signature comes
  /// before both. Errors: of ClientAuthentication::check_assertion and use_up; `service_unknown`
  /// for who is no service, `service_role`; RateLimit's; those of OwnTokens that say nothing of the
  /// token; of KeyStores.
  void about(IntrospectionCall call, hsm::Done<std::string> done);

 private:
  [[nodiscard]] Result<std::shared_ptr<const Service>> authenticate(const Credentials& credentials);
  [[nodiscard]] Result<Json> told(std::string_view token, const Service& service) const;
  void sign(const Service& service, const Json& told, hsm::Done<std::string> done);

  Options options_;
  Parts parts_;
};

}  // namespace mintmark::issuer
