#include "api/service_access.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/answers.h"
#include "verify/authorization.h"
#include "verify/confirmation.h"
#include "verify/proof.h"
#include "verify/replay.h"

namespace mintmark::api {
namespace {

std::string origin_of(const std::string& issuer) {
  return issuer.substr(0, issuer.size() - path_of(issuer).size());
}

Result<std::string_view> dpop_token(const http::Headers& headers) {
  const auto authorization = verify::read_authorization(headers);
  if (!authorization) return tl::unexpected<Error>(authorization.error());
  if (authorization->scheme == Scheme::dpop) return authorization->token;
  return fail(Code::token_scheme,
              "a service's token comes as \"Authorization: DPoP TOKEN\" with its proof");
}

/// Whether one request of a service is what it says.
class Access {
 public:
  explicit Access(const ServiceAccessParts& parts)
      : parts_(parts), origin_(origin_of(parts.issuer)), audiences_{parts.issuer} {}

  Result<ServiceCaller> check(const http::Request& request, std::string_view scope) {
    if (auto free = parts_.by_address.take(request); !free) return pass_on(free);
    const auto text = dpop_token(request.headers);
    if (!text) return tl::unexpected<Error>(text.error());
    const auto token = parts_.tokens.check(*text, audiences_);
    if (!token) return tl::unexpected<Error>(token.error());
    const verify::TokenFacts& facts = *token->facts;
    if (auto held = check_certificate(request, facts); !held) return pass_on(held);
    const Moment now = parts_.clock.now();
    const auto proof = check_proof(request, *text, facts.jkt, now);
    if (!proof) return tl::unexpected<Error>(proof.error());
    const auto service = parts_.services.find(facts.client_id);
    // A device's token for us would be no service's, whatever its policy says.
    if (!service || service->key.thumbprint() != facts.jkt) {
      return fail(Code::service_unknown,
                  "the token is of no service that is registered here now; see mintctl clients");
    }
    if (auto fits = check_scope(facts, *service, scope); !fits) return pass_on(fits);
    // Last: what is refused for another reason may be sent again.
    if (auto first = use_up(*proof, now); !first) return pass_on(first);
    if (auto free = may_ask(service->id); !free) return pass_on(free);
    return ServiceCaller{service->id, service->audiences, facts.expires_at,
                         [&tokens = parts_.tokens, token = *token] {
                           return tokens.check_standing(token).has_value();
                         }};
  }

 private:
  // RFC 8705 §3: a token that names a certificate is nothing without it, whatever else proves it.
  static Result<void> check_certificate(const http::Request& request,
                                        const verify::TokenFacts& facts) {
    if (facts.jkt.empty()) {
      return fail(Code::token_scheme,
                  "the token is bound to a certificate alone; here it is bound to a service's key");
    }
    if (facts.certificate_thumbprint.empty()) return {};
    const auto& shown = request.client_certificate;
    return verify::check_certificate(shown ? as_text(*shown) : std::string_view(),
                                     facts.certificate_thumbprint);
  }

  Result<verify::ProvenRequest> check_proof(const http::Request& request, std::string_view token,
                                            const std::string& jkt, Moment now) const {
    const auto sent = verify::one_proof(request.headers);
    if (!sent) return tl::unexpected<Error>(sent.error());
    const std::string url = origin_ + request.path;
    auto proof = verify::check_proof(
        *sent, {.method = request.method, .url = url, .token_hash = sha256(token), .now = now});
    if (!proof) return proof;
    if (proof->jkt() != jkt)
      return fail(Code::proof_key_mismatch, "the proof is by another key than the token's cnf.jkt");
    if (proof->nonce() && !parts_.nonces.is_good(*proof->nonce())) {
      return fail(Code::proof_nonce_stale,
                  "the proof's nonce is too old or not ours; take the one in this answer's "
                  "DPoP-Nonce");
    }
    return proof;
  }

  static Result<void> check_scope(const verify::TokenFacts& facts, const issuer::Service& service,
                                  std::string_view scope) {
    // Scopes are named as the roles that allow them.
    const bool granted =
        std::find(facts.scopes.begin(), facts.scopes.end(), scope) != facts.scopes.end();
    if (granted && service.has_role(scope)) return {};
    return fail(Code::service_scope_missing,
                "this needs a token with the scope " + std::string(scope));
  }

  Result<void> use_up(const verify::ProvenRequest& proof, Moment now) {
    auto first = parts_.proofs.remember(proof, now, proof.nonce().has_value());
    if (first || first.error().code != Code::proof_before_start) return first;
    return fail(Code::proof_nonce_required,
                "the proof may have been used before this service started; make a new one, with "
                "the nonce in this answer's DPoP-Nonce");
  }

  // Nobody uses up what is another's.
  Result<void> may_ask(const std::string& client) const {
    if (parts_.by_client == nullptr) return {};
    return parts_.by_client->take(client, issuer::RateLimit::Clock::now());
  }

  ServiceAccessParts parts_;
  std::string origin_;
  std::vector<std::string> audiences_;
};

// At /token a proof is part of the request; here it is what the caller shows of himself.
unsigned status_of(const CodeFacts& facts) {
  const bool about_proof =
      facts.oauth_error == "invalid_dpop_proof" || facts.oauth_error == "invalid_client";
  return about_proof ? 401 : facts.http_status;
}

}  // namespace

ServiceAccess make_service_access(const ServiceAccessParts& parts) {
  auto access = std::make_shared<Access>(parts);
  return [access = std::move(access)](const http::Request& request, std::string_view scope) {
    return access->check(request, scope);
  };
}

http::Response service_refusal(const Error& error, const std::string& nonce) {
  const CodeFacts& facts = facts_of(error.code);
  http::Response response = refusal(error);
  response.status = status_of(facts);
  if (response.status == 401 || response.status == 403)
    response.headers.set("WWW-Authenticate", challenge_of(error));
  if (facts.oauth_error == "use_dpop_nonce" && !nonce.empty())
    response.headers.set("DPoP-Nonce", nonce);
  return response;
}

ServiceRefusal make_service_refusal(verify::Nonces& nonces) {
  return [&nonces](const Error& error) { return service_refusal(error, nonces.fresh()); };
}

}  // namespace mintmark::api
