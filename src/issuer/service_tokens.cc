#include "issuer/service_tokens.h"

#include <algorithm>
#include <utility>

#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

// The one scope that there is for services; it has the name of the role that allows it.
Result<void> check_wish(const policy::TokenRequest& wanted, const Service& service,
                        const std::string& issuer) {
  if (!wanted.audience.empty() && wanted.audience != issuer) {
    return fail(
        Code::service_audience,
        "a service gets tokens for the issuer itself alone: leave resource out, or name " + issuer);
  }
  if (!service.has_role(role_events)) {
    return fail(Code::service_role,
                "this service is registered without the role events; introspection needs no token");
  }
  const bool known = std::all_of(wanted.scopes.begin(), wanted.scopes.end(),
                                 [](const std::string& scope) { return scope == role_events; });
  if (known) return {};
  return fail(Code::service_scope, "the scope of a service's token is events");
}

}  // namespace

ServiceTokens::ServiceTokens(Options options, const Services& services, Issuer& issuer)
    : options_(std::move(options)), services_(services), issuer_(issuer) {
  options_.life = std::min(options_.life, longest_life);
}

bool ServiceTokens::is_for_service(const Credentials& credentials) const {
  if (!credentials.client_assertion || credentials.client_attestation) return false;
  const auto jws = jose::UnverifiedJws::parse(*credentials.client_assertion,
                                              {.octets = verify::assertion_octets});
  return jws && services_.knows(jws->claimed_subject());
}

void ServiceTokens::mint(TokenCall call, hsm::Done<IssuedToken> done) {
  issuer_.issuance().issue(
      [this, call = std::move(call)](const keyring::Snapshot& keys, Moment now) {
        return decide(call, keys, now);
      },
      std::move(done));
}

Result<TokenDraft> ServiceTokens::decide(const TokenCall& call, const keyring::Snapshot& keys,
                                         Moment now) {
  auto client = issuer_.authentication().check(call.credentials, keys, now);
  if (!client) return pass_on(client);
  auto service = services_.find(client->client_id());
  if (!service)
    return fail(Code::service_unknown, "this client is no service that is registered here now");
  if (client->has_session_key()) {
    return fail(Code::proof_key_mismatch,
                "a service's DPoP proof is by its registered key and no other");
  }
  if (auto fits = check_wish(call.wanted, *service, options_.issuer); !fits) return pass_on(fits);
  auto still_stands = [this, service] { return services_.find(service->id) == service; };
  // Nothing was attested, and nothing is known of where the key lives.
  return TokenDraft{.client = std::move(*client),
                    .algorithm = options_.algorithm,
                    .audience = options_.issuer,
                    .scopes = {std::string(role_events)},
                    .life = options_.life,
                    .rule = "",
                    .further_claims = {{"key_protection", "none"}},
                    .still_stands = std::move(still_stands)};
}

}  // namespace mintmark::issuer
