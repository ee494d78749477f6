#include "programs/mintd/front_services.h"

#include <utility>

#include "admin/service_endpoints.h"
#include "api/introspection.h"
#include "programs/mintd/algorithms.h"

namespace mintmark::mintd {
namespace {

// Some 10 MB where they are all in use.
constexpr std::size_t addresses_remembered = 1U << 16U;

}  // namespace

FrontServices::FrontServices(std::unique_ptr<store::ServiceStore> store, Parts parts)
    : parts_(parts),
      store_(std::move(store)),
      services_(*store_, parts.gate),
      address_rate_(Code::rate_of_address, "from your address", addresses_remembered) {}

Result<std::unique_ptr<FrontServices>> FrontServices::open(const config::Config& config,
                                                           Parts parts) {
  auto store = store::open_service_store(config.state_directory + "/front/services.db");
  if (!store) return pass_on(store);
  std::unique_ptr<FrontServices> made(new FrontServices(std::move(*store), parts));
  if (auto loaded = made->services_.load(); !loaded) return pass_on(loaded);
  made->limit(config.rate_limits);
  made->by_address_ = {&made->address_rate_,
                       [behind_proxy = config.trusted_proxy](const http::Request& request) {
                         return api::client_address(request, behind_proxy);
                       }};
  return made;
}

void FrontServices::serve(const config::Config& config, std::chrono::milliseconds sign_deadline,
                          issuer::Issuer& issuer) {
  const keyring::SigningAlgorithms algorithms = signing_algorithms(config);
  issuer::ClientAuthentication& authentication = issuer.authentication();
  tokens_.emplace(issuer::OwnTokens::Parts{
      config.issuer, parts_.clock, parts_.keyring,
      [&events = parts_.revocation.events()](const verify::RevocableToken& token) {
        return events.judge(token);
      }});
  service_tokens_.emplace(
      issuer::ServiceTokens::Options{.issuer = config.issuer,
                                     .life = config.longest_token_life,
                                     .algorithm = algorithms.of_token_for(config.issuer)},
      services_, issuer);
  introspection_.emplace(
      issuer::Introspection::Options{config.issuer, sign_deadline, algorithms.usual},
      issuer::Introspection::Parts{parts_.clock, parts_.keyring, parts_.stores, services_, *tokens_,
                                   authentication, &client_rate_});
  token_revocation_.emplace(
      config.issuer + "/revoke",
      issuer::TokenRevocation::Parts{
          parts_.clock, parts_.keyring, *tokens_, authentication,
          [&revoker = parts_.revocation.revoker()](const audit::Issued& token,
                                                   std::function<void(Result<void>)> done) {
            revoker.revoke_proven(token, "by its holder",
                                  [done = std::move(done)](const Result<revoke::Outcome>& outcome) {
                                    if (!outcome)
                                      return done(tl::unexpected<Error>(outcome.error()));
                                    done({});
                                  });
          },
          &client_rate_});
  access_ = api::make_service_access({config.issuer, parts_.clock, *tokens_, services_,
                                      issuer.nonces(), proofs_, by_address_, &client_rate_});
  refusal_ = api::make_service_refusal(issuer.nonces());
}

api::TokenDoor FrontServices::token_door() { return {&*service_tokens_, by_address_}; }

void FrontServices::add_routes(http::Router& router, const std::string& path,
                               api::CertificateSource certificates) {
  api::add_introspection(router, path + "/introspect", *introspection_, by_address_);
  api::add_token_revocation(router, path + "/revoke", *token_revocation_, std::move(certificates),
                            by_address_);
}

void FrontServices::add_to_operators(http::Router& router) {
  admin::add_services(router, {services_, parts_.devices, parts_.clock});
}

void FrontServices::limit(const config::RateLimits& limits) {
  client_rate_.set(limits.per_device_per_minute, limits.per_service_per_minute);
  address_rate_.set(limits.per_address_per_minute);
}

}  // namespace mintmark::mintd
