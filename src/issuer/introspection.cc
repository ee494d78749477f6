#include "issuer/introspection.h"

#include <utility>

#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

/// As they stand in the token; `aud` is told by itself.
constexpr const char* claims_told[] = {"iss",        "sub", "client_id", "scope", "exp",
                                       "iat",        "nbf", "jti",       "cnf",   "key_protection",
                                       "attestation"};

// No more than its own audiences.
Json audience_of(const verify::TokenFacts& facts) {
  if (facts.audiences.size() == 1) return facts.audiences.front();
  return facts.audiences;
}

}  // namespace

void Introspection::about(IntrospectionCall call, hsm::Done<std::string> done) {
  const auto service = authenticate(call.credentials);
  if (!service) return done(tl::unexpected<Error>(service.error()));
  const auto answer = told(call.token, **service);
  if (!answer) return done(tl::unexpected<Error>(answer.error()));
  if (call.as_jwt) return sign(**service, *answer, std::move(done));
  done(answer->dump());
}

Result<std::shared_ptr<const Service>> Introspection::authenticate(const Credentials& credentials) {
  const auto now = parts_.clock.minting_moment();
  if (!now) return tl::unexpected<Error>(now.error());
  const auto assertion = parts_.authentication.check_assertion(credentials, *now);
  if (!assertion) return tl::unexpected<Error>(assertion.error());
  auto service = parts_.services.find(assertion->client_id());
  if (!service) {
    return fail(Code::service_unknown,
                "introspection is for registered services; see mintctl clients add");
  }
  if (!service->has_role(role_introspect))
    return fail(Code::service_role, "this service is registered without the role introspect");
  if (auto first = parts_.authentication.use_up(*assertion, *now); !first) return pass_on(first);
  if (parts_.rate == nullptr) return service;
  if (auto free = parts_.rate->take(service->id, RateLimit::Clock::now()); !free)
    return pass_on(free);
  return service;
}

Result<Json> Introspection::told(std::string_view token, const Service& service) const {
  const auto checked = parts_.tokens.check(token, service.audiences);
  if (!checked) {
    // Anything else says something of us.
    if (facts_of(checked.error().code).oauth_error != "invalid_token")
      return tl::unexpected<Error>(checked.error());
    return Json{{"active", false}};
  }
  const verify::TokenFacts& facts = *checked->facts;
  const auto claims = parse_json(facts.claims);
  if (!claims) return tl::unexpected<Error>(claims.error());
  Json answer = {{"active", true},
                 {"aud", audience_of(facts)},
                 {"token_type", facts.jkt.empty() ? "Bearer" : "DPoP"}};
  for (const char* name : claims_told) {
    if (const auto found = claims->find(name); found != claims->end()) answer[name] = *found;
  }
  return answer;
}

void Introspection::sign(const Service& service, const Json& told, hsm::Done<std::string> done) {
  const auto now = parts_.clock.minting_moment();
  if (!now) return done(tl::unexpected<Error>(now.error()));
  // RFC 9701 §5: no sub and no exp, so that it passes for no token.
  const Json claims = {{"iss", options_.issuer},
                       {"aud", service.id},
                       {"iat", to_unix(*now)},
                       {"token_introspection", told}};
  parts_.stores.sign_jws(
      parts_.keyring.snapshot(), {hsm::Purpose::event, options_.algorithm},
      [claims](const keyring::PublishedKey& key) {
        const Json header = {{"typ", "token-introspection+jwt"},
                             {"alg", jose::name_of(key.public_key.algorithm())},
                             {"kid", key.kid()}};
        return jose::signing_input(header, claims);
      },
      Deadline::in(options_.sign_deadline), std::move(done));
}

}  // namespace mintmark::issuer
