// What services and holders of tokens ask over HTTP: tokens, introspection, revocation, and with
// which refusals.
#include "../issuer/service_fixture.h"
#include "api/introspection.h"
#include "api/service_access.h"
#include "api/token.h"
#include "api/token_revocation.h"
#include "jose/base64url.h"

namespace mintmark::api {
namespace {

using issuer::api_audience;
using issuer::issuer_url;
using issuer::service_id;

const std::string events_url = issuer_url + "/events";

class ServicesOverHttp : public issuer::ServiceFixture {
 protected:
  ServicesOverHttp() { serve(); }

  void serve() {
    router_ = {};
    const AddressLimit by_address{&by_address_,
                                  [](const http::Request& request) { return request.peer; }};
    add_token(router_, "/token", *issuer, {}, {&*service_tokens, by_address});
    add_introspection(router_, "/introspect", *introspection, by_address);
    add_token_revocation(router_, "/revoke", *token_revocation, {}, by_address);
    proofs_.emplace(clock.now());
    access_ = make_service_access({issuer_url, clock, *tokens, services, issuer->nonces(), *proofs_,
                                   by_address, &client_rate});
    refuse_ = make_service_refusal(issuer->nonces());
    clock.advance(first_taken);
  }
  http::Response post(const std::string& path, const http::FormFields& form,
                      http::Headers headers = {}) {
    http::Request request;
    request.method = "POST";
    request.path = path;
    request.peer = "192.0.2.1";
    request.headers = std::move(headers);
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.body = http::encode_form(form);
    std::promise<http::Response> answered;
    auto answer = answered.get_future();
    router_(request, [&](http::Response response) { answered.set_value(std::move(response)); });
    return answer.get();
  }
  static http::FormFields with_assertion(http::FormFields form, const std::string& assertion) {
    form.emplace_back("client_assertion_type",
                      "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    form.emplace_back("client_assertion", assertion);
    return form;
  }
  static http::Headers dpop(const std::string& proof) {
    http::Headers headers;
    headers.add("DPoP", proof);
    return headers;
  }
  static void expect_refused(const http::Response& response, Code code) {
    const CodeFacts& facts = facts_of(code);
    EXPECT_EQ(response.status, facts.http_status) << response.body;
    EXPECT_EQ(Json::parse(response.body)["code"], facts.name) << response.body;
    EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  }

  // --- introspection ---
  http::Response introspect(const std::string& token, http::Headers headers = {}) {
    return post("/introspect", with_assertion({{"token", token}}, service_assertion()),
                std::move(headers));
  }
  Json told_of(const std::string& token) {
    const auto response = introspect(token);
    EXPECT_EQ(response.status, 200U) << response.body;
    return Json::parse(response.body);
  }

  // --- revocation ---
  std::string revocation_proof(const test::SoftKey& key) {
    return test::make_proof(key,
                            {.method = "POST", .url = issuer_url + "/revoke", .at = clock.now()});
  }
  http::Response revoke(const std::string& token) {
    return post("/revoke", with_assertion({{"token", token}}, device_assertion()));
  }

  // --- a request with a service's token ---
  std::string service_token() { return mint_for_service(service_call()).value().token; }
  http::Request events_request(const std::string& token, test::ProofContent content) {
    http::Request request;
    request.method = "GET";
    request.path = "/events";
    request.headers.add("Authorization", "DPoP " + token);
    content.access_token = token;
    request.headers.add("DPoP", test::make_proof(service_key, content));
    return request;
  }
  test::ProofContent events_content() {
    return {.method = "GET", .url = events_url, .at = clock.now()};
  }
  void expect_no_access(const http::Request& request, Code code,
                        const std::string& scope = "events") {
    const auto caller = access_(request, scope);
    ASSERT_FALSE(caller) << facts_of(code).name;
    EXPECT_EQ(caller.error().code, code) << caller.error().to_string();
  }

  http::Router router_;
  issuer::RateLimit by_address_{Code::rate_of_address, "from your address", 1024};
  std::optional<verify::ReplayWindow> proofs_;
  ServiceAccess access_;
  ServiceRefusal refuse_;
};

// --- POST /token ---

TEST_F(ServicesOverHttp, GetATokenAtTheTokenEndpointOfDevices) {
  const auto response =
      post("/token",
           with_assertion({{"grant_type", "client_credentials"}, {"resource", issuer_url}},
                          service_assertion()),
           dpop(proof_by(service_key)));
  ASSERT_EQ(response.status, 200U) << response.body;
  const Json body = Json::parse(response.body);
  EXPECT_EQ(body["scope"], "events");
  EXPECT_EQ(body["token_type"], "DPoP");
  EXPECT_EQ(claims_of(body["access_token"])["aud"], issuer_url);
}

TEST_F(ServicesOverHttp, AreRefusedAtTheTokenEndpointWithTheirOwnCodes) {
  const auto ask = [&](http::FormFields more) {
    more.emplace_back("grant_type", "client_credentials");
    return post("/token", with_assertion(std::move(more), service_assertion()),
                dpop(proof_by(service_key)));
  };
  expect_refused(ask({{"resource", api_audience}}), Code::service_audience);
  expect_refused(ask({{"scope", "read"}}), Code::service_scope);
  ASSERT_TRUE(services.remove(service_id, clock.now()));
  expect_refused(ask({}), Code::service_unknown);
}

TEST_F(ServicesOverHttp, AnAddressThatAsksTooOftenIsRefusedBeforeItsRequestIsRead) {
  by_address_.set(1);
  expect_refused(post("/token", {}), Code::parameter_missing);
  for (const char* path : {"/token", "/introspect", "/revoke"}) {
    const auto refused = post(path, {});
    expect_refused(refused, Code::rate_of_address);
    EXPECT_EQ(refused.status, 429U);
    EXPECT_EQ(*refused.headers.find("Retry-After"), "60");
  }
  expect_no_access({}, Code::token_missing);  // From another address.
  expect_no_access({}, Code::rate_of_address);
}

TEST_F(ServicesOverHttp, AClientThatAsksTooOftenIsRefusedOnceItIsKnownWhoItIs) {
  const std::string token = service_token();
  client_rate.set(1, 1);
  expect_refused(post("/introspect", {{"client_id", service_id}, {"token", "t"}}),
                 Code::client_unauthenticated);
  EXPECT_EQ(introspect("t").status, 200U) << "nobody else uses up what is its own";
  expect_refused(introspect("t"), Code::rate_of_device);
  expect_no_access(events_request(token, events_content()), Code::rate_of_device);
  EXPECT_EQ(revoke("t").status, 200U) << "another client's";
  expect_refused(revoke("t"), Code::rate_of_device);
}

TEST_F(ServicesOverHttp, AreNotBoundByWhatBoundsDevices) {
  const std::string token = service_token();
  client_rate.set(1, 0);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(introspect("t").status, 200U);
    EXPECT_TRUE(access_(events_request(token, events_content()), "events"));
  }
  EXPECT_EQ(revoke("t").status, 200U);
  expect_refused(revoke("t"), Code::rate_of_device);
}

// --- POST /introspect ---

TEST_F(ServicesOverHttp, AreToldWhatATokenForThemSays) {
  const std::string token = device_token();
  const auto response = introspect(token);
  ASSERT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/json");
  EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  const Json claims = claims_of(token);
  Json expected = {{"active", true}, {"token_type", "DPoP"}};
  for (const char* name : {"iss", "sub", "client_id", "aud", "scope", "exp", "iat", "jti", "cnf",
                           "key_protection", "attestation"})
    expected[name] = claims.at(name);
  EXPECT_EQ(Json::parse(response.body), expected);
}

TEST_F(ServicesOverHttp, AreToldThatATokenIsNoneAndNothingElse) {
  const Json inactive = {{"active", false}};
  const std::string good = device_token();
  EXPECT_EQ(told_of("nonsense"), inactive);
  EXPECT_EQ(told_of(good.substr(0, good.size() - 4) + "AAAA"), inactive);
  EXPECT_EQ(told_of(token_with({{"aud", "https://other.example"}})), inactive);
  EXPECT_EQ(told_of(token_with({{"iss", "https://other.example"}})), inactive);
  EXPECT_EQ(told_of(token_with({{"cnf", Json::object()}})), inactive);
  EXPECT_EQ(told_of(service_token()), inactive) << "it is for the issuer";
  EXPECT_EQ(told_of(attestation()), inactive);
  EXPECT_EQ(told_of(good)["active"], true);
  clock.advance(std::chrono::seconds(120));
  EXPECT_EQ(told_of(good), inactive) << "it is over";
}

TEST_F(ServicesOverHttp, AreToldOfNoOtherAudienceThanTheirs) {
  const Json told = told_of(token_with({{"aud", {"https://other.example", api_audience}}}));
  EXPECT_EQ(told["active"], true);
  EXPECT_EQ(told["aud"], api_audience);
}

TEST_F(ServicesOverHttp, AreToldOfABearerTokenThatItIsBoundToACertificate) {
  const Json cnf = {{"x5t#S256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}};
  const Json told = told_of(token_with({{"cnf", cnf}}));
  EXPECT_EQ(told["token_type"], "Bearer");
  EXPECT_EQ(told["cnf"], cnf);
}

TEST_F(ServicesOverHttp, AreToldInAJwtForThemAloneWhereTheyWantOne) {
  const std::string token = device_token();
  http::Headers headers;
  headers.add("Accept", "application/json;q=0.5, Application/Token-Introspection+JWT");
  const auto response = introspect(token, headers);
  ASSERT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/token-introspection+jwt");
  auto jws = jose::UnverifiedJws::parse(response.body).value();
  EXPECT_EQ(jws.typ(), "token-introspection+jwt");
  EXPECT_EQ(jws.kid(), event_key.kid());
  const Json claims = std::move(jws).verify(event_key.public_key).value().claims();
  EXPECT_EQ(claims["iss"], issuer_url);
  EXPECT_EQ(claims["aud"], service_id);
  EXPECT_EQ(claims["iat"], to_unix(clock.now()));
  EXPECT_EQ(claims["token_introspection"]["jti"], claims_of(token)["jti"]);
  EXPECT_FALSE(claims.contains("sub") || claims.contains("exp"));
  for (const char* wish : {"application/json, application/token-introspection+jwt;q=0.9",
                           "application/token-introspection+jwt;q=0", "*/*", "text/html"}) {
    headers.set("Accept", wish);
    EXPECT_EQ(*introspect(token, headers).headers.find("Content-Type"), "application/json") << wish;
  }
}

TEST_F(ServicesOverHttp, AreRefusedIntrospectionWhereTheyAreNotThoseThatMayAsk) {
  const std::string token = device_token();
  expect_refused(post("/introspect", {{"token", token}}), Code::client_unauthenticated);
  expect_refused(post("/introspect", with_assertion({{"token", token}}, device_assertion())),
                 Code::service_unknown);
  expect_refused(post("/introspect",
                      with_assertion({{"token", token}},
                                     assertion_by(test::SoftKey(), assertion_claims(service_id)))),
                 Code::assertion_signature);
  const test::SoftKey key;
  add_service("listener", key, {"events"});
  const std::string listener = assertion_by(key, assertion_claims("listener"));
  expect_refused(post("/introspect", with_assertion({{"token", token}}, listener)),
                 Code::service_role);
  http::Headers attested;
  attested.add("OAuth-Client-Attestation", attestation());
  expect_refused(introspect(token, attested), Code::client_methods_mixed);
  ASSERT_TRUE(services.remove(service_id, clock.now()));
  expect_refused(introspect(token), Code::service_unknown);
}

TEST_F(ServicesOverHttp, AreRefusedAnAssertionThatWasUsedAnywhere) {
  const std::string assertion = service_assertion();
  const auto form = with_assertion({{"token", "t"}}, assertion);
  EXPECT_EQ(post("/introspect", form).status, 200U);
  expect_refused(post("/introspect", form), Code::assertion_replayed);
  expect_refused(post("/token", with_assertion({{"grant_type", "client_credentials"}}, assertion),
                      dpop(proof_by(service_key))),
                 Code::assertion_replayed);
}

TEST_F(ServicesOverHttp, AreRefusedAnAssertionThatAnEarlierProcessMayHaveTaken) {
  const Json early = assertion_claims(service_id);
  start_services();  // Another process.
  serve();
  expect_refused(
      post("/introspect", with_assertion({{"token", "t"}}, assertion_by(service_key, early))),
      Code::assertion_before_start);
  Json undated = assertion_claims(service_id);
  undated.erase("iat");
  expect_refused(
      post("/introspect", with_assertion({{"token", "t"}}, assertion_by(service_key, undated))),
      Code::assertion_before_start);
  EXPECT_EQ(introspect("t").status, 200U);
}

TEST_F(ServicesOverHttp, AreTakenSoonAfterAClockThatWasAheadIsPutRight) {
  constexpr std::chrono::hours ahead{1};
  clock.advance(ahead);
  start_services();  // While it is ahead.
  serve();
  const std::string used = service_assertion();
  const auto form = with_assertion({{"token", "t"}}, used);
  EXPECT_EQ(post("/introspect", form).status, 200U);
  const Moment used_at = clock.now();
  clock.advance(-ahead);
  expect_refused(introspect("t"), Code::clock_behind);
  minting.accept_present();
  expect_refused(introspect("t"), Code::assertion_before_start);
  issuer->authentication().begin_again(clock.now());
  expect_refused(introspect("t"), Code::assertion_before_start);
  clock.advance(first_taken);
  EXPECT_EQ(introspect("t").status, 200U);
  clock.set(used_at);
  expect_refused(post("/introspect", form), Code::assertion_replayed);
}

TEST_F(ServicesOverHttp, NeedATokenAndOneFormToAskAbout) {
  expect_refused(post("/introspect", with_assertion({}, service_assertion())),
                 Code::parameter_missing);
  expect_refused(
      post("/introspect", with_assertion({{"token", "a"}, {"token", "b"}}, service_assertion())),
      Code::parameter_repeated);
  expect_refused(post("/introspect", {{"token", "a"}, {"client_assertion", "x"}}),
                 Code::parameter_missing);
}

TEST_F(ServicesOverHttp, AreNotToldThatATokenIsInactiveWhereTheIssuerCannotKnow) {
  const std::string token = device_token();
  keyring.swap(nullptr);
  expect_refused(introspect(token), Code::keys_not_ready);
}

// --- POST /revoke ---

TEST_F(ServicesOverHttp, HearThatATokenIsInactiveOnceItsHolderTookItBack) {
  const std::string token = device_token();
  EXPECT_EQ(told_of(token)["active"], true);
  const auto response = revoke(token);
  EXPECT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(told_of(token), Json({{"active", false}}));
  EXPECT_EQ(revoke(token).status, 200U) << "a second time as well";
  ASSERT_EQ(ledger.events.said().size(), 1U);
  EXPECT_EQ(ledger.events.said()[0]["jti"], claims_of(token)["jti"]);
}

TEST_F(ServicesOverHttp, AHolderTakesBackByAttestationAndProofToo) {
  const std::string token = device_token();
  http::Headers headers = dpop(revocation_proof(device_key));
  headers.add("OAuth-Client-Attestation", attestation());
  EXPECT_EQ(
      post("/revoke", {{"token", token}, {"token_type_hint", "refresh_token"}}, headers).status,
      200U);
  EXPECT_EQ(told_of(token), Json({{"active", false}}));
}

TEST_F(ServicesOverHttp, AHoldersProofIsForThisEndpointAndByItsKey) {
  const std::string token = device_token();
  const auto with_proof = [&](const std::string& proof) {
    return post("/revoke", with_assertion({{"token", token}}, device_assertion()), dpop(proof));
  };
  expect_refused(with_proof(proof()), Code::proof_htu);
  expect_refused(with_proof(revocation_proof(test::SoftKey())), Code::proof_key_unvouched);
  EXPECT_EQ(told_of(token)["active"], true);
  const std::string once = revocation_proof(device_key);
  EXPECT_EQ(with_proof(once).status, 200U);
  expect_refused(with_proof(once), Code::proof_replayed);
}

TEST_F(ServicesOverHttp, NobodyTakesBackWithoutSayingWhoHeIs) {
  const std::string token = device_token();
  expect_refused(post("/revoke", {{"token", token}}), Code::client_unauthenticated);
  http::Headers headers;
  headers.add("OAuth-Client-Attestation", attestation());
  expect_refused(post("/revoke", {{"token", token}}, headers), Code::proof_missing);
  expect_refused(post("/revoke", {{"token", token}, {"client_id", "device-1"}}),
                 Code::mutual_tls_off);
  EXPECT_EQ(told_of(token)["active"], true);
}

TEST_F(ServicesOverHttp, NobodyTakesBackAnothersToken) {
  const std::string token = device_token();
  expect_refused(post("/revoke", with_assertion({{"token", token}}, service_assertion())),
                 Code::revoked_token_foreign);
  EXPECT_EQ(told_of(token)["active"], true);
  EXPECT_EQ(
      post("/revoke", with_assertion({{"token", service_token()}}, service_assertion())).status,
      200U);
}

TEST_F(ServicesOverHttp, WhatIsNoGoodTokenIsTakenBackAlready) {
  for (const std::string& token :
       {std::string("nonsense"), test::SoftKey().sign_jws({{"alg", "ES256"}, {"typ", "at+jwt"}},
                                                          {{"jti", "x"}, {"client_id", "y"}})}) {
    EXPECT_EQ(revoke(token).status, 200U) << token;
  }
  const std::string over = device_token();
  clock.advance(std::chrono::seconds(120));
  ledger.live.forget(clock.now());
  EXPECT_EQ(revoke(over).status, 200U);
  EXPECT_TRUE(ledger.events.said().empty());
}

// A clock that was wrong for a while, and is right again.
TEST_F(ServicesOverHttp, AGoodTokenIsRevokedThoughItWasForgotten) {
  const std::string token = device_token();
  ledger.live.forget(clock.now() + std::chrono::hours(1));
  ASSERT_EQ(ledger.live.size(), 0U);
  EXPECT_EQ(revoke(token).status, 200U);
  ASSERT_EQ(ledger.events.said().size(), 1U);
  EXPECT_EQ(ledger.events.said()[0]["jti"], claims_of(token)["jti"]);
  EXPECT_EQ(ledger.statuses.of(claims_of(token)["status"]["status_list"]["idx"]),
            revoke::Status::invalid);
}

TEST_F(ServicesOverHttp, ClientAttestationsAreNotRevokedHere) {
  expect_refused(revoke(attestation()), Code::token_type_unsupported);
  expect_refused(post("/revoke", with_assertion({}, device_assertion())), Code::parameter_missing);
}

TEST_F(ServicesOverHttp, ARevocationThatIsNotOnDiskIsNotAnswered) {
  const std::string token = device_token();
  ledger.events.start_failing();
  expect_refused(revoke(token), Code::revocation_failed);
  EXPECT_EQ(told_of(token)["active"], true);
}

TEST_F(ServicesOverHttp, AHolderIsAskedForANonceWhereTheyAreRequired) {
  start_services(true);
  serve();
  const auto form = with_assertion({{"token", "t"}}, device_assertion());
  const auto refused = post("/revoke", form, dpop(revocation_proof(device_key)));
  expect_refused(refused, Code::dpop_nonce_required);
  EXPECT_EQ(*refused.headers.find("DPoP-Nonce"), issuer->nonces().fresh());
}

// --- with a token for the issuer itself ---

TEST_F(ServicesOverHttp, ComeInWithTheirTokenAndItsProof) {
  const std::string token = service_token();
  const auto caller = access_(events_request(token, events_content()), "events");
  ASSERT_TRUE(caller) << caller.error().to_string();
  EXPECT_EQ(caller->id, service_id);
  EXPECT_EQ(caller->audiences, std::vector<std::string>{api_audience});
  EXPECT_EQ(caller->until, clock.now() + std::chrono::seconds(300));
  EXPECT_TRUE(caller->still_good());
  ledger.revoker.revoke({.name = claims_of(token)["jti"], .before = {}, .why = ""},
                        [](const auto& outcome) { EXPECT_TRUE(outcome); });
  EXPECT_FALSE(caller->still_good());
}

TEST_F(ServicesOverHttp, StayOutWithoutATokenOrWithoutItsProof) {
  const std::string token = service_token();
  http::Request request = events_request(token, events_content());
  request.headers = {};
  expect_no_access(request, Code::token_missing);
  request.headers.add("Authorization", "DPoP " + token);
  expect_no_access(request, Code::proof_missing);
  request.headers.set("Authorization", "Bearer " + token);
  expect_no_access(request, Code::token_scheme);
  request.headers.set("Authorization", "DPoP a b");
  expect_no_access(request, Code::authorization_malformed);
}

TEST_F(ServicesOverHttp, StayOutWithAProofForSomethingElse) {
  const std::string token = service_token();
  test::ProofContent content = events_content();
  content.url = issuer_url + "/introspect";
  expect_no_access(events_request(token, content), Code::proof_htu);
  content = events_content();
  content.method = "POST";
  expect_no_access(events_request(token, content), Code::proof_htm);
  http::Request request = events_request(service_token(), events_content());
  request.headers.set("Authorization", "DPoP " + token);
  expect_no_access(request, Code::proof_ath);
}

TEST_F(ServicesOverHttp, StayOutWithAProofThatWasUsed) {
  const http::Request request = events_request(service_token(), events_content());
  ASSERT_TRUE(access_(request, "events"));
  expect_no_access(request, Code::proof_replayed);
}

TEST_F(ServicesOverHttp, StayOutWithAProofByAnotherKey) {
  const std::string token = service_token();
  http::Request request = events_request(token, events_content());
  test::ProofContent content = events_content();
  content.access_token = token;
  request.headers.set("DPoP", test::make_proof(device_key, content));
  expect_no_access(request, Code::proof_key_mismatch);
}

TEST_F(ServicesOverHttp, StayOutWithATokenThatNamesACertificateThatTheyDoNotShow) {
  const std::string certificate = jose::base64url(sha256("certificate"));
  Json claims = claims_of(service_token());
  const auto token_bound_to = [&](const Json& cnf) {
    claims["cnf"] = cnf;
    return sign(token_key, {{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", token_key.kid()}}, claims);
  };
  const std::string both = token_bound_to({{"jkt", service_key.jkt()}, {"x5t#S256", certificate}});
  expect_no_access(events_request(both, events_content()), Code::token_certificate_missing);
  http::Request shown = events_request(both, events_content());
  shown.client_certificate = std::make_shared<const Bytes>(to_bytes(as_bytes("certificate")));
  EXPECT_TRUE(access_(shown, "events"));
  const std::string certificate_alone = token_bound_to({{"x5t#S256", certificate}});
  expect_no_access(events_request(certificate_alone, events_content()), Code::token_scheme);
}

TEST_F(ServicesOverHttp, StayOutWithATokenThatIsForOthersOverOrRevoked) {
  expect_no_access(events_request(device_token(), events_content()), Code::token_audience);
  const std::string token = service_token();
  ledger.revoker.revoke({.name = claims_of(token)["jti"], .before = {}, .why = ""},
                        [](const auto& outcome) { EXPECT_TRUE(outcome); });
  expect_no_access(events_request(token, events_content()), Code::token_revoked);
  const std::string over = service_token();
  clock.advance(std::chrono::seconds(300));
  expect_no_access(events_request(over, events_content()), Code::token_expired);
}

TEST_F(ServicesOverHttp, StayOutOnceTheyAreRemoved) {
  const std::string token = service_token();
  ASSERT_TRUE(services.remove(service_id, clock.now()));
  expect_no_access(events_request(token, events_content()), Code::service_unknown);
}

TEST_F(ServicesOverHttp, ADeviceWithATokenForTheIssuerIsNoService) {
  const auto expect_out = [this](const Json& changes) {
    const std::string token = token_with(changes);
    http::Request request = events_request(token, events_content());
    test::ProofContent content = events_content();
    content.access_token = token;
    request.headers.set("DPoP", test::make_proof(device_key, content));
    expect_no_access(request, Code::service_unknown);
  };
  expect_out({{"aud", issuer_url}, {"scope", "events"}});
  // Nor one that names a service and is bound to another key than the registered one.
  expect_out({{"aud", issuer_url}, {"scope", "events"}, {"client_id", service_id}});
}

TEST_F(ServicesOverHttp, NeedTheScopeThatTheEndpointAsksFor) {
  expect_no_access(events_request(service_token(), events_content()), Code::service_scope_missing,
                   "introspect");
}

TEST_F(ServicesOverHttp, AreAskedForANonceRightAfterAStartAndComeInWithIt) {
  const std::string token = service_token();
  proofs_.emplace(clock.now());
  access_ = make_service_access({issuer_url, clock, *tokens, services, issuer->nonces(), *proofs_});
  expect_no_access(events_request(token, events_content()), Code::proof_nonce_required);
  const auto refused = refuse_(Error{Code::proof_nonce_required, "again", 0});
  EXPECT_EQ(refused.status, 401U);
  test::ProofContent content = events_content();
  content.nonce = *refused.headers.find("DPoP-Nonce");
  EXPECT_TRUE(access_(events_request(token, content), "events"));
  content.nonce = "another-issuers";
  expect_no_access(events_request(token, content), Code::proof_nonce_stale);
}

}  // namespace
}  // namespace mintmark::api
