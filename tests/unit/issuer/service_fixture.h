// An issuer with one device and one registered service.
#pragma once

#include "issuer/introspection.h"
#include "issuer/service_tokens.h"
#include "issuer/token_revocation.h"
#include "mint_fixture.h"
#include "support/scratch.h"

namespace mintmark::issuer {

inline const std::string service_id = "service-1";
inline const std::string api_audience = "https://api.example";

class ServiceFixture : public MintFixture {
 protected:
  ServiceFixture() {
    event_key = key_store->make_key(hsm::Purpose::event);
    more_keys.push_back(event_key);
    publish(2);
    add_service(service_id, service_key, {"introspect", "events"});
    start_services();
  }

  void add_service(const std::string& id, const test::SoftKey& key,
                   const std::vector<std::string>& roles,
                   const std::vector<std::string>& audiences = {api_audience}) {
    store::ServiceRecord record;
    record.id = id;
    record.jkt = key.jkt();
    record.public_jwk = key.public_key().to_jwk().dump();
    record.audiences = audiences;
    record.roles = roles;
    record.added_at = clock.now();
    ASSERT_TRUE(services.add(record));
  }
  /// As after a restart, when assertions and proofs are taken again.
  void start_services(bool challenges_required = false) {
    issuer.emplace(MintOptions{.issuer = issuer_url,
                               .token_url = issuer_url + "/token",
                               .challenges_required = challenges_required,
                               .algorithms = algorithms},
                   Issuer::Parts{minting, keyring, devices, stores, policies, gate, ledger_parts(),
                                 &services, &client_rate});
    tokens.emplace(OwnTokens::Parts{issuer_url, minting, keyring, [this](const auto& token) {
                                      return ledger.events.judge(token);
                                    }});
    service_tokens.emplace(ServiceTokens::Options{.issuer = issuer_url}, services, *issuer);
    introspection.emplace(Introspection::Options{.issuer = issuer_url},
                          Introspection::Parts{minting, keyring, stores, services, *tokens,
                                               issuer->authentication(), &client_rate});
    token_revocation.emplace(
        issuer_url + "/revoke",
        TokenRevocation::Parts{minting, keyring, *tokens, issuer->authentication(),
                               [this](const audit::Issued& token, const auto& done) {
                                 ledger.revoker.revoke_proven(
                                     token, "", [done](const auto& outcome) {
                                       if (!outcome)
                                         return done(tl::unexpected<Error>(outcome.error()));
                                       done({});
                                     });
                               },
                               &client_rate});
    clock.advance(first_taken);
  }

  Json assertion_claims(const std::string& client) {
    return {{"iss", client},
            {"sub", client},
            {"aud", issuer_url},
            {"iat", to_unix(clock.now())},
            {"exp", to_unix(clock.now()) + 60},
            {"jti", "jti-" + std::to_string(++assertions)}};
  }
  static std::string assertion_by(const test::SoftKey& key, const Json& claims) {
    return key.sign_jws({{"typ", "JWT"}, {"alg", "ES256"}}, claims);
  }
  std::string service_assertion() {
    return assertion_by(service_key, assertion_claims(service_id));
  }
  std::string device_assertion() { return assertion_by(device_key, assertion_claims("device-1")); }

  /// What the service sends to /token.
  TokenCall service_call() {
    TokenCall wanted;
    wanted.credentials.client_assertion = service_assertion();
    wanted.credentials.proof = proof_by(service_key);
    return wanted;
  }
  Result<IssuedToken> mint_for_service(TokenCall wanted) {
    return wait_for<IssuedToken>([&](hsm::Done<IssuedToken> done) {
      service_tokens->mint(std::move(wanted), std::move(done));
    });
  }
  Json claims_of(const std::string& token) {
    return std::move(*jose::UnverifiedJws::parse(token)).verify(token_key.public_key)->claims();
  }
  /// A token of the device for its default audience.
  std::string device_token() {
    call.credentials.client_attestation = attestation();
    call.credentials.proof = proof();
    return mint().value().token;
  }
  /// As it would be signed with these claims changed.
  std::string token_with(const Json& changes) {
    Json claims = claims_of(device_token());
    claims.update(changes);
    return sign(token_key, {{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", token_key.kid()}}, claims);
  }

  int assertions = 0;
  const test::Scratch scratch;
  std::unique_ptr<store::ServiceStore> service_store =
      store::open_service_store(scratch / "services.db").value();
  Services services{*service_store, gate};
  ClientRate client_rate{services};
  const test::SoftKey service_key;
  hsm::KeyInfo event_key = attestation_key;  // Replaced at once.
  std::optional<OwnTokens> tokens;
  std::optional<ServiceTokens> service_tokens;
  std::optional<Introspection> introspection;
  std::optional<TokenRevocation> token_revocation;
};

}  // namespace mintmark::issuer
