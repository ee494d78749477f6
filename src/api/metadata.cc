#include "api/metadata.h"

#include "api/acknowledgement.h"
#include "api/answers.h"

namespace mintmark::api {
namespace {

Json authentication_methods(const Facts& facts) {
  Json methods = {"attest_jwt_client_auth_dpop", "private_key_jwt"};
  if (facts.self_signed_tls) methods.push_back("self_signed_tls_client_auth");
  if (facts.tls_by_authorities) methods.push_back("tls_client_auth");
  return methods;
}

// RFC 8414 §2, RFC 9701 §7.
void add_of_tokens(Json& document, const Facts& facts) {
  const std::string& issuer = facts.issuer;
  document["introspection_endpoint"] = issuer + "/introspect";
  document["introspection_endpoint_auth_methods_supported"] = Json::array({"private_key_jwt"});
  document["introspection_endpoint_auth_signing_alg_values_supported"] = client_algorithms();
  document["introspection_signing_alg_values_supported"] =
      Json::array({jose::name_of(facts.attestation_algorithm)});
  document["revocation_endpoint"] = issuer + "/revoke";
  document["revocation_endpoint_auth_methods_supported"] = authentication_methods(facts);
  document["revocation_endpoint_auth_signing_alg_values_supported"] = client_algorithms();
}

// Tells the truth: what is not here is not offered. The client attestation's own PoP JWT is not
// accepted, so its algorithms are not named; draft-ietf-oauth-attestation-based-client-auth-10 §5.2
// (combined mode) has the DPoP proof in its place.
Json metadata(const Facts& facts) {
  const std::string& issuer = facts.issuer;
  Json document = {{"issuer", issuer},
                   {"token_endpoint", issuer + "/token"},
                   {"jwks_uri", issuer + "/.well-known/jwks.json"},
                   {"response_types_supported", Json::array()},
                   {"grant_types_supported", {"client_credentials"}},
                   {"token_endpoint_auth_methods_supported", authentication_methods(facts)},
                   {"token_endpoint_auth_signing_alg_values_supported", client_algorithms()},
                   {"dpop_signing_alg_values_supported", client_algorithms()},
                   {"client_attestation_signing_alg_values_supported",
                    {jose::name_of(facts.attestation_algorithm)}},
                   {"client_attestation_pop_methods_supported", {"dpop_combined"}},
                   {"mintmark_attestation_endpoint", issuer + "/attest"},
                   {"mintmark_events_endpoint", issuer + "/events"},
                   {"status_list_aggregation_endpoint", issuer + "/statuslists"},
                   {"mintmark_key_evidence_endpoint", issuer + "/.well-known/key-evidence"},
                   {"mintmark_attestation_formats_supported", {"tpm2", "key"}}};
  add_of_tokens(document, facts);
  // RFC 8705 §3.3. At the same endpoints: whoever has no certificate shows none.
  if (facts.self_signed_tls || facts.tls_by_authorities)
    document["tls_client_certificate_bound_access_tokens"] = true;
  if (facts.challenges_required) document["challenge_endpoint"] = issuer + "/challenge";
  return document;
}

// A kid that we do not publish is a stranger's text: it goes no further.
void hear(const http::Headers& headers, const keyring::Snapshot& keys,
          const Acknowledged& acknowledged) {
  auto said = acknowledgement_in(headers);
  if (!said) return acknowledged(tl::unexpected<Error>(said.error()));
  if (!*said) return;
  std::erase_if((*said)->kids, [&](const std::string& kid) {
    return keys.find(kid, hsm::Purpose::access_token) == nullptr;
  });
  acknowledged(std::move(**said));
}

http::Response ready_answer(const Readiness& readiness) {
  const bool ready = readiness.missing.empty();
  Json body = {{"status", ready ? "ready" : "not ready"}};
  if (!ready) body["missing"] = readiness.missing;
  if (!readiness.warnings.empty()) body["warnings"] = readiness.warnings;
  http::Response response = fresh_json(body);
  if (ready) return response;
  response.status = 503;
  response.headers.set("Retry-After", "1");
  response.cause = Error{Code::unavailable, "not ready: " + readiness.missing.front(), 0};
  return response;
}

}  // namespace

http::Response cacheable(const http::Request& request, const std::string& body,
                         const std::string& etag, std::chrono::seconds max_age) {
  const std::string* known = request.headers.find("If-None-Match");
  const bool same = known != nullptr && (*known == etag || *known == "*");
  http::Response response = same ? http::Response{304, {}, ""} : http::json_response(200, body);
  response.headers.set("Cache-Control", "public, max-age=" + std::to_string(max_age.count()));
  response.headers.set("ETag", etag);
  return response;
}

void add_metadata(http::Router& router, const Facts& facts, const keyring::Keyring& keyring,
                  std::function<Readiness()> readiness, Acknowledged acknowledged) {
  const std::string document = metadata(facts).dump();
  const std::string tag = '"' + to_hex(BytesView(sha256(document)).first(16)) + '"';
  const std::string path = path_of(facts.issuer);
  const std::chrono::seconds max_age = facts.keys_max_age;
  router.on("GET", "/.well-known/oauth-authorization-server" + path,
            [=](const http::Request& request, const http::Respond& respond) {
              respond(cacheable(request, document, tag, max_age));
            });
  router.on("GET", path + "/.well-known/jwks.json",
            [&keyring, max_age, acknowledged = std::move(acknowledged)](
                const http::Request& request, const http::Respond& respond) {
              const auto keys = keyring.snapshot();
              if (!keys)
                return respond(
                    refusal(Error{Code::keys_not_ready, "the signing keys are not ready yet", 0}));
              if (acknowledged) hear(request.headers, *keys, acknowledged);
              respond(cacheable(request, keys->jwks(), keys->etag(), max_age));
            });
  router.on("GET", "/healthz", [](const http::Request& /*request*/, const http::Respond& respond) {
    respond(fresh_json({{"status", "alive"}}));
  });
  router.on("GET", "/readyz",
            [readiness = std::move(readiness)](const http::Request& /*request*/,
                                               const http::Respond& respond) {
              respond(ready_answer(readiness()));
            });
}

}  // namespace mintmark::api
