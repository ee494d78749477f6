// The token endpoint as HTTP has it: headers, forms, and the errors that standards name.
#include "api/token.h"

#include <future>

#include "../issuer/mint_fixture.h"

namespace mintmark::api {
namespace {

constexpr const char* form_type = "application/x-www-form-urlencoded";
const std::string grant = "grant_type=client_credentials";

class TokenEndpoint : public issuer::MintFixture {
 protected:
  TokenEndpoint() { serve(false); }

  void serve(bool challenges_required) {
    start(challenges_required);
    clock.advance(first_taken);
    router_ = {};
    add_token(router_, "/token", *issuer);
    add_challenge(router_, "/challenge", *issuer);
  }
  http::Response post(const std::string& path, const std::string& body, http::Headers headers) {
    http::Request request;
    request.method = "POST";
    request.path = path;
    request.headers = std::move(headers);
    request.headers.add("Content-Type", form_type);
    request.body = body;
    std::promise<http::Response> answered;
    auto answer = answered.get_future();
    router_(request, [&](http::Response response) { answered.set_value(std::move(response)); });
    return answer.get();
  }
  http::Headers attested(const std::string& proof) {
    http::Headers headers;
    headers.add("OAuth-Client-Attestation", attestation());
    headers.add("DPoP", proof);
    return headers;
  }
  http::Response ask(const std::string& body) { return post("/token", body, attested(proof())); }

  std::string assertion() {
    return device_key.sign_jws({{"alg", "ES256"}}, {{"iss", "device-1"},
                                                    {"sub", "device-1"},
                                                    {"aud", issuer::issuer_url},
                                                    {"exp", to_unix(clock.now()) + 60},
                                                    {"iat", to_unix(clock.now())},
                                                    {"jti", "assertion-1"}});
  }
  http::Response ask_with_assertion(const std::string& proof) {
    http::Headers headers;
    headers.add("DPoP", proof);
    return post("/token",
                grant +
                    "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%"
                    "3Ajwt-bearer&client_assertion=" +
                    assertion(),
                headers);
  }

  static void expect_refused(const http::Response& response, unsigned status, const char* error,
                             const char* code) {
    EXPECT_EQ(response.status, status) << response.body;
    const Json body = Json::parse(response.body);
    EXPECT_EQ(body["error"], error) << response.body;
    EXPECT_EQ(body["code"], code) << response.body;
    ASSERT_EQ(response.headers.count("Cache-Control"), 1U);
    EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  }
  /// The one value of the one header.
  static std::string one(const http::Response& response, const char* name) {
    EXPECT_EQ(response.headers.count(name), 1U) << name;
    const std::string* value = response.headers.find(name);
    return value == nullptr ? "" : *value;
  }

  http::Router router_;
};

TEST_F(TokenEndpoint, AnswersWithADpopTokenThatNobodyKeeps) {
  const http::Response response = ask(grant);
  ASSERT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(one(response, "Cache-Control"), "no-store");
  const Json body = Json::parse(response.body);
  EXPECT_EQ(body["token_type"], "DPoP");
  EXPECT_EQ(body["expires_in"], 120);
  EXPECT_EQ(body["scope"], "read write");
}

TEST_F(TokenEndpoint, RefusesAClientIdAloneWhereMutualTlsIsOff) {
  expect_refused(post("/token", grant + "&client_id=device-1", {}), 401, "invalid_client",
                 "mutual_tls_off");
}

// The certificates themselves are judged in tests/unit/issuer/mint_certificate_test.cc.
TEST_F(TokenEndpoint, TakesTheCertificateOfItsOwnConnectionAndNoHeader) {
  http::Request request;
  request.headers.add("Content-Type", form_type);
  request.headers.add(http::client_cert_header, ":MAA=:");
  request.body = grant + "&client_id=device-1";
  EXPECT_EQ(read_token_call(request)->credentials.client_certificate, nullptr);
  request.client_certificate = std::make_shared<const Bytes>(Bytes{1});
  EXPECT_EQ(read_token_call(request)->credentials.client_certificate, request.client_certificate);
}

TEST_F(TokenEndpoint, TakesTheCertificateFromTheHeaderOfATrustedProxyAndNoConnection) {
  const CertificateSource proxy{
      .header = http::CertificateHeader::client_cert,
      .proxies = {.networks = {*Network::parse("192.0.2.0/24")}, .users = {}}};
  http::Request request;
  request.peer = "192.0.2.7:4711";
  request.client_certificate = std::make_shared<const Bytes>(Bytes{1});  // The proxy's own.
  request.headers.add("Content-Type", form_type);
  request.body = grant + "&client_id=device-1";
  EXPECT_EQ(read_token_call(request, proxy)->credentials.client_certificate, nullptr);
  request.headers.add("client-cert", ":MAIFAA==:");
  const auto told = read_token_call(request, proxy)->credentials.client_certificate;
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(*told, (Bytes{0x30, 2, 5, 0}));
  request.headers.add("Client-Cert", ":MAIFAA==:");
  EXPECT_EQ(read_token_call(request, proxy).error().code, Code::client_certificate_repeated);
  request.headers = {};
  request.headers.add("Content-Type", form_type);
  request.headers.add("Client-Cert", "MAIFAA==");
  EXPECT_EQ(read_token_call(request, proxy).error().code, Code::client_certificate_malformed);
}

TEST_F(TokenEndpoint, TakesACertificateByHeaderFromTheProxyAlone) {
  CertificateSource proxy{.header = http::CertificateHeader::client_cert,
                          .proxies = {.networks = {*Network::parse("192.0.2.7")}, .users = {}}};
  http::Request request;
  request.headers.add("Content-Type", form_type);
  request.body = grant + "&client_id=device-1";
  const http::Request without = request;
  for (const char* peer : {"192.0.2.8:4711", "[::1]:4711", "unix:uid=0", ""}) {
    for (const char* value : {":MAIFAA==:", "", "nonsense"}) {
      request = without;
      request.peer = peer;
      EXPECT_TRUE(read_token_call(request, proxy)) << peer << " comes without one";
      request.headers.add("client-cert", value);
      const auto read = read_token_call(request, proxy);
      ASSERT_FALSE(read) << peer;
      EXPECT_EQ(read.error().code, Code::mutual_tls_off) << peer;
    }
  }
  request.peer = "192.0.2.7:4711";
  proxy.proxies = {};
  EXPECT_FALSE(read_token_call(request, proxy)) << "nobody is trusted by default";
}

TEST_F(TokenEndpoint, SaysWhichOfTheScopesWereGranted) {
  const http::Response response = ask(grant + "&scope=admin+read");
  ASSERT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(Json::parse(response.body)["scope"], "read");
}

TEST_F(TokenEndpoint, RefusesScopesOfWhichNoneIsGranted) {
  expect_refused(ask(grant + "&scope=admin"), 400, "invalid_scope", "policy_scope");
}

TEST_F(TokenEndpoint, RefusesScopesThatAreNone) {
  for (const char* scope : {"+", "+read", "read+", "read++write", "a%22b", "a%5Cb", "%C3%A4"})
    expect_refused(ask(grant + "&scope=" + scope), 400, "invalid_scope", "scope_malformed");
}

TEST_F(TokenEndpoint, GivesTheTokenTheAudienceThatIsNamed) {
  const http::Response response = ask(grant + "&resource=https%3A%2F%2Fapi.example");
  ASSERT_EQ(response.status, 200U) << response.body;
  auto token =
      jose::UnverifiedJws::parse(Json::parse(response.body)["access_token"].get<std::string>());
  ASSERT_TRUE(token);
  EXPECT_EQ(std::move(*token).verify(token_key.public_key)->claims()["aud"], "https://api.example");
}

TEST_F(TokenEndpoint, TakesParametersWithoutAValueAsLeftOut) {
  const http::Response response =
      ask(grant + "&scope=&resource=&client_id=&client_assertion=&client_assertion_type=");
  ASSERT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(Json::parse(response.body)["scope"], "read write");
  expect_refused(ask("grant_type="), 400, "invalid_request", "parameter_missing");
}

TEST_F(TokenEndpoint, RefusesAResourceThatIsUnknownOrNone) {
  expect_refused(ask(grant + "&resource=https%3A%2F%2Fbank.example"), 400, "invalid_target",
                 "policy_audience");
  expect_refused(ask(grant + "&resource=%23"), 400, "invalid_target", "policy_audience");
}

TEST_F(TokenEndpoint, TakesOneResourceAndNoMore) {
  expect_refused(ask(grant + "&resource=https%3A%2F%2Fapi.example&resource=urn%3Aa"), 400,
                 "invalid_request", "parameter_repeated");
}

TEST_F(TokenEndpoint, IgnoresParametersThatItDoesNotKnow) {
  EXPECT_EQ(ask(grant + "&foo=bar").status, 200U);
}

TEST_F(TokenEndpoint, RefusesABadProofByTheStandardsName) {
  expect_refused(post("/token", grant, attested("x")), 400, "invalid_dpop_proof",
                 "proof_malformed");
  http::Headers none;
  none.add("OAuth-Client-Attestation", attestation());
  expect_refused(post("/token", grant, none), 400, "invalid_dpop_proof", "proof_missing");
}

TEST_F(TokenEndpoint, RefusesASecondAttestationOrProof) {
  http::Headers twice = attested(proof());
  twice.add("oauth-client-attestation", attestation());
  expect_refused(post("/token", grant, twice), 400, "invalid_request", "header_repeated");
  twice = attested(proof());
  twice.add("dpop", proof());
  expect_refused(post("/token", grant, twice), 400, "invalid_dpop_proof", "proof_repeated");
}

TEST_F(TokenEndpoint, AsksForAFreshAttestationWhenItsIsOver) {
  const std::string old = attestation();
  clock.advance(std::chrono::seconds(3601));
  http::Headers headers;
  headers.add("OAuth-Client-Attestation", old);
  headers.add("DPoP", proof());
  expect_refused(post("/token", grant, headers), 400, "use_fresh_attestation",
                 "attestation_expired");
}

TEST_F(TokenEndpoint, RefusesABadAttestationByTheDraftsName) {
  http::Headers headers;
  headers.add("OAuth-Client-Attestation", "x");
  headers.add("DPoP", proof());
  expect_refused(post("/token", grant, headers), 400, "invalid_client_attestation",
                 "attestation_malformed");
}

TEST_F(TokenEndpoint, RefusesAClientThatIsNotAuthenticatedWithAChallenge) {
  const http::Response response = post("/token", grant, {});
  expect_refused(response, 401, "invalid_client", "client_unauthenticated");
  EXPECT_EQ(one(response, "WWW-Authenticate"),
            "DPoP algs=\"ES256 ES384 RS256 PS256 Ed25519 EdDSA\", error=\"invalid_client\", "
            "error_description=\"" +
                Json::parse(response.body)["error_description"].get<std::string>() + "\"");
}

TEST_F(TokenEndpoint, GivesNoNonceWhereNoneIsRequired) {
  const http::Response response = ask(grant);
  EXPECT_EQ(response.headers.count("DPoP-Nonce"), 0U);
  EXPECT_EQ(response.headers.count("OAuth-Client-Attestation-Challenge"), 0U);
}

TEST_F(TokenEndpoint, AsksAnAttestedClientForTheChallengeItGives) {
  serve(true);
  const http::Response refused = ask(grant);
  expect_refused(refused, 400, "use_attestation_challenge", "attestation_challenge_required");
  const std::string challenge = one(refused, "OAuth-Client-Attestation-Challenge");
  EXPECT_EQ(one(refused, "DPoP-Nonce"), challenge);
  EXPECT_EQ(post("/token", grant, attested(proof_by(device_key, challenge))).status, 200U);
}

TEST_F(TokenEndpoint, AsksAClientWithAnAssertionForTheNonceItGives) {
  serve(true);
  const http::Response refused = ask_with_assertion(proof());
  expect_refused(refused, 400, "use_dpop_nonce", "dpop_nonce_required");
  const std::string nonce = one(refused, "DPoP-Nonce");
  EXPECT_EQ(ask_with_assertion(proof_by(device_key, nonce)).status, 200U);
}

TEST_F(TokenEndpoint, GivesANonceWithEveryAnswerWhereOneIsRequired) {
  serve(true);
  const std::string challenge = one(ask(grant), "DPoP-Nonce");
  const http::Response granted = post("/token", grant, attested(proof_by(device_key, challenge)));
  ASSERT_EQ(granted.status, 200U) << granted.body;
  EXPECT_FALSE(one(granted, "DPoP-Nonce").empty());
  EXPECT_EQ(one(post("/token", "a=b", {}), "OAuth-Client-Attestation-Challenge"), challenge);
}

TEST_F(TokenEndpoint, NonceHasTheFormOfOne) {
  serve(true);
  const std::string nonce = one(ask(grant), "DPoP-Nonce");
  EXPECT_FALSE(nonce.empty());
  for (const char c : nonce) EXPECT_TRUE(c > 0x20 && c < 0x7F && c != '"' && c != '\\') << c;
}

TEST_F(TokenEndpoint, ChallengeIsGivenToWhoAsksAndIsNotKept) {
  serve(true);
  const http::Response response = post("/challenge", "", {});
  ASSERT_EQ(response.status, 200U);
  EXPECT_EQ(one(response, "Cache-Control"), "no-store");
  EXPECT_EQ(one(response, "Content-Type"), "application/json");
  const Json body = Json::parse(response.body);
  const auto challenge = body["attestation_challenge"].get<std::string>();
  EXPECT_EQ(post("/token", grant, attested(proof_by(device_key, challenge))).status, 200U);
}

}  // namespace
}  // namespace mintmark::api
