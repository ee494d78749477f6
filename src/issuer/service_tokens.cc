#include "issuer/service_tokens.h"

#include <algorithm>
#include <utility>

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t jti_octets = 16;
/// As for devices: what moves more often within one request is not at rest.
constexpr unsigned most_attempts = 4;

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

struct ServiceTokens::Request {
  TokenCall call;
  hsm::Done<IssuedToken> done;
  Deadline deadline;
  unsigned attempts = 0;
};

/// Keys and service are kept: whether they moved is seen by comparing.
struct ServiceTokens::Decision {
  std::uint64_t revocations;
  std::shared_ptr<const keyring::Snapshot> keys;
  std::shared_ptr<const Service> service;
  AuthenticatedClient client;
  audit::Issued issued;
};

ServiceTokens::ServiceTokens(Options options, Parts parts)
    : options_(std::move(options)), parts_(parts) {
  options_.life = std::min(options_.life, longest_life);
}

bool ServiceTokens::is_for_service(const Credentials& credentials) const {
  if (!credentials.client_assertion || credentials.client_attestation) return false;
  const auto jws = jose::UnverifiedJws::parse(*credentials.client_assertion,
                                              {.octets = verify::assertion_octets});
  return jws && parts_.services.knows(jws->claimed_subject());
}

void ServiceTokens::mint(TokenCall call, hsm::Done<IssuedToken> done) {
  attempt(std::make_shared<Request>(
      Request{std::move(call), std::move(done), Deadline::in(options_.sign_deadline)}));
}

void ServiceTokens::attempt(const std::shared_ptr<Request>& request) {
  const auto now = parts_.clock.minting_moment();
  if (!now) return request->done(tl::unexpected<Error>(now.error()));
  auto decision = decide(request->call, *now);
  if (!decision) return request->done(pass_on(decision));
  // Last before anything is spent, and once.
  if (request->attempts++ == 0) {
    if (auto first = spend(decision->client, *now); !first) return request->done(pass_on(first));
  }
  // As for devices' tokens.
  const auto place = parts_.ledger.statuses.next(decision->issued.expires_at);
  if (!place) return request->done(tl::unexpected<Error>(place.error()));
  decision->issued.list = place->list;
  decision->issued.index = place->index;
  sign(request, std::move(*decision));
}

Result<ServiceTokens::Decision> ServiceTokens::decide(const TokenCall& call, Moment now) {
  const std::uint64_t revocations = parts_.ledger.revoker.epoch();
  auto keys = parts_.keyring.snapshot();
  const keyring::KeyKind kind{hsm::Purpose::access_token, options_.algorithm};
  if (const auto key = keyring::Snapshot::current_of(keys, kind); !key)
    return tl::unexpected<Error>(key.error());
  auto client = parts_.authentication.check(call.credentials, *keys, now);
  if (!client) return pass_on(client);
  auto service = parts_.services.find(client->client_id());
  if (!service)
    return fail(Code::service_unknown, "this client is no service that is registered here now");
  if (client->has_session_key()) {
    return fail(Code::proof_key_mismatch,
                "a service's DPoP proof is by its registered key and no other");
  }
  if (auto fits = check_wish(call.wanted, *service, options_.issuer); !fits) return pass_on(fits);
  auto issued = drafted(service->id, now);
  if (!issued) return pass_on(issued);
  return Decision{revocations, std::move(keys), std::move(service), std::move(*client),
                  std::move(*issued)};
}

/// As it is logged, but for its entry and the key that will sign it. No rule of the policy granted
/// it.
Result<audit::Issued> ServiceTokens::drafted(const std::string& service, Moment now) const {
  const auto issued_at = first_good_moment(parts_.ledger, service, now);
  if (!issued_at) return tl::unexpected<Error>(issued_at.error());
  return audit::Issued{.jti = jose::base64url(random_bytes(jti_octets)),
                       .device = service,
                       .audience = options_.issuer,
                       .kid = "",
                       .rule = "",
                       .issued_at = *issued_at,
                       .expires_at = now + options_.life};
}

Result<void> ServiceTokens::spend(const AuthenticatedClient& client, Moment now) {
  if (auto first = parts_.authentication.use_up(client, now); !first) return first;
  if (parts_.rate == nullptr) return {};
  return parts_.rate->take(client.client_id(), RateLimit::Clock::now());
}

void ServiceTokens::sign(const std::shared_ptr<Request>& request, Decision decided) {
  const auto decision = std::make_shared<Decision>(std::move(decided));
  parts_.stores.sign_jws(
      decision->keys, {hsm::Purpose::access_token, options_.algorithm},
      [this, decision](const keyring::PublishedKey& key) {
        decision->issued.kid = key.kid();  // The last that is asked is the one that signs.
        return claims_input(*decision, key);
      },
      request->deadline,
      [this, request, decision](Result<std::string> token) {
        log(request, decision, std::move(token));
      });
}

std::string ServiceTokens::claims_input(const Decision& decision,
                                        const keyring::PublishedKey& key) const {
  const audit::Issued& issued = decision.issued;
  const Json header = {
      {"typ", "at+jwt"}, {"alg", jose::name_of(key.public_key.algorithm())}, {"kid", key.kid()}};
  // RFC 9068 §2.2. Nothing was attested, and nothing is known of where the key lives.
  const Json claims = {{"iss", options_.issuer},
                       {"aud", issued.audience},
                       {"sub", issued.device},
                       {"client_id", issued.device},
                       {"iat", to_unix(issued.issued_at)},
                       {"exp", to_unix(issued.expires_at)},
                       {"jti", issued.jti},
                       {"scope", role_events},
                       {"cnf", {{"jkt", decision.client.bound_jkt()}}},
                       {"status", status_claim(options_.issuer, issued)},
                       {"key_protection", "none"}};
  return jose::signing_input(header, claims);
}

// As for devices' tokens (mint.cc).
void ServiceTokens::log(const std::shared_ptr<Request>& request,
                        const std::shared_ptr<Decision>& decision, Result<std::string> token) {
  if (!token) {
    const bool moved = parts_.keyring.snapshot() != decision->keys;
    const bool may_try = request->attempts < most_attempts && !request->deadline.passed();
    if (moved && may_try) return attempt(request);
    return request->done(pass_on(token));
  }
  if (!still_stands(*decision)) return decide_again(request);  // It need not wait for the disk.
  parts_.ledger.live.put(decision->issued);
  parts_.ledger.log.append(decision->issued, [this, request, decision, token = std::move(*token)](
                                                 Result<void> logged) mutable {
    if (logged) return release(request, *decision, std::move(token));
    parts_.ledger.live.remove(decision->issued.jti);
    request->done(pass_on(logged));
  });
}

bool ServiceTokens::still_stands(const Decision& decision) const {
  return parts_.services.find(decision.service->id) == decision.service &&
         parts_.keyring.snapshot() == decision.keys &&
         parts_.ledger.revoker.epoch() == decision.revocations &&
         is_good(parts_.ledger, decision.issued);
}

void ServiceTokens::release(const std::shared_ptr<Request>& request, const Decision& decision,
                            std::string token) {
  {
    const auto passage = parts_.gate.enter();
    if (still_stands(decision)) {
      return request->done(
          IssuedToken{std::move(token), "DPoP", options_.life, {std::string(role_events)}});
    }
  }
  parts_.ledger.live.remove(decision.issued.jti);
  decide_again(request);
}

void ServiceTokens::decide_again(const std::shared_ptr<Request>& request) {
  if (request->attempts < most_attempts) return attempt(request);
  request->done(fail(Code::decision_moving,
                     "the service, the keys or revocations changed again and again during this "
                     "request"));
}

}  // namespace mintmark::issuer
