// Requests that are carried to services.
#include "serve_requests.h"

namespace mintmark::agent::serve {
namespace {

TEST_F(ServeRequests, CarryWholeRequestsWithTokenAndProof) {
  open();
  http::Headers headers;
  for (const auto& [name, value] :
       {std::pair{"Accept", "text/plain"}, std::pair{"Authorization", "Basic own"},
        std::pair{"DPoP", "own"}, std::pair{"Connection", "close, X-Hop"}, std::pair{"X-Hop", "1"},
        std::pair{"Keep-Alive", "5"}, std::pair{"TE", "trailers"}, std::pair{"Upgrade", "h2c"},
        std::pair{"Expect", "100-continue"}, std::pair{"Proxy-Authorization", "x"},
        std::pair{"Content-Length", "4"}, std::pair{"Transfer-Encoding", "chunked"},
        std::pair{"X-Own", "kept"}})
    headers.add(name, value);
  const auto answer = ask(1001, "PUT", "API.example", "/a?b=c", "body", headers);
  EXPECT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(answer.body, "done");
  ASSERT_EQ(carried.size(), 1U);
  const Carried& seen = carried[0];
  EXPECT_EQ(seen.method + " " + seen.url + " " + seen.body, "PUT https://api.example/a?b=c body");
  EXPECT_EQ(*seen.headers.find("Authorization"), "DPoP token1");
  EXPECT_EQ(seen.headers.count("Authorization"), 1U);
  EXPECT_EQ(seen.headers.count("DPoP"), 1U);
  const ReadProof read = read_proof(*seen.headers.find("DPoP"));
  EXPECT_EQ(read.claims["htm"], "PUT");
  EXPECT_EQ(read.claims["htu"], "https://api.example/a");
  EXPECT_EQ(*seen.headers.find("Accept"), "text/plain");
  EXPECT_EQ(*seen.headers.find("X-Own"), "kept");
  EXPECT_EQ(*seen.headers.find("Via"), "1.1 mint-agent");
  for (const char* gone : {"Connection", "X-Hop", "Keep-Alive", "TE", "Upgrade", "Expect",
                           "Proxy-Authorization", "Content-Length", "Transfer-Encoding", "Host"})
    EXPECT_EQ(seen.headers.find(gone), nullptr) << gone;
}

TEST_F(ServeRequests, GiveTheServicesAnswerBackButForWhatIsOfTheConnection) {
  open();
  http::Response response{418, {}, "short and stout"};
  for (const auto& [name, value] :
       {std::pair{"Location", "https://elsewhere.example/"}, std::pair{"Connection", "X-Hop"},
        std::pair{"X-Hop", "1"}, std::pair{"DPoP-Nonce", "n-1"}, std::pair{"Set-Cookie", "a=b"},
        std::pair{refusal_header, "forged"}})
    response.headers.add(name, value);
  answers.emplace_back(response);
  const auto answer = ask(1001, "GET", "api.example", "/");
  EXPECT_EQ(answer.status, 418U);
  EXPECT_EQ(*answer.headers.find("Location"), "https://elsewhere.example/");
  EXPECT_EQ(*answer.headers.find("Set-Cookie"), "a=b");
  for (const char* gone : {"X-Hop", "DPoP-Nonce", "Connection", refusal_header})
    EXPECT_EQ(answer.headers.find(gone), nullptr) << gone;
}

TEST_F(ServeRequests, CarryNothingToWhereNothingIsGranted) {
  open();
  EXPECT_EQ(code_of(ask(1001, "GET", "other.example", "/")), "agent_destination_refused");
  EXPECT_EQ(code_of(ask(1001, "GET", "issuer.example", "/token")), "agent_destination_refused");
  EXPECT_EQ(code_of(ask(1001, "GET", "localhost:443", "/")), "agent_destination_refused");
  EXPECT_EQ(code_of(ask(1003, "GET", "api.example", "/")), "agent_user_refused");
  EXPECT_EQ(code_of(ask(1001, "OPTIONS", "api.example", "*")), "agent_request_malformed");
  EXPECT_EQ(code_of(ask(1001, "TRACE", "api.example", "/")), "agent_request_malformed");
  EXPECT_TRUE(carried.empty());
}

TEST_F(ServeRequests, CarryAgainOnceWithTheNonceThatTheServiceAsksFor) {
  open();
  answers.emplace_back(challenge("use_dpop_nonce", "n-1"));
  EXPECT_EQ(ask(1001, "POST", "api.example", "/", "body").status, 200U);
  ASSERT_EQ(carried.size(), 2U);
  const auto first = read_proof(*carried[0].headers.find("DPoP")).claims;
  const auto second = read_proof(*carried[1].headers.find("DPoP")).claims;
  EXPECT_FALSE(first.contains("nonce"));
  EXPECT_EQ(second["nonce"], "n-1");
  EXPECT_NE(first["jti"], second["jti"]);
  EXPECT_EQ(carried[1].body, "body");
  // Kept for the next.
  EXPECT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  EXPECT_EQ(read_proof(*carried[2].headers.find("DPoP")).claims["nonce"], "n-1");

  for (int i = 0; i < 3; ++i) answers.emplace_back(challenge("use_dpop_nonce", "n-2"));
  EXPECT_EQ(ask(1001, "GET", "api.example", "/").status, 401U);
  EXPECT_EQ(carried.size(), 5U);
}

TEST_F(ServeRequests, KeepANonceOfAnyAnswerForItsServiceAlone) {
  open();
  http::Response with_nonce{200, {}, ""};
  with_nonce.headers.add("DPoP-Nonce", "n-1");
  answers.emplace_back(with_nonce);
  ASSERT_EQ(ask(1002, "GET", "api.example", "/").status, 200U);
  ASSERT_EQ(ask(1002, "GET", "other.example", "/").status, 200U);
  ASSERT_EQ(ask(1002, "GET", "api.example", "/").status, 200U);
  EXPECT_FALSE(read_proof(*carried[1].headers.find("DPoP")).claims.contains("nonce"));
  EXPECT_EQ(read_proof(*carried[2].headers.find("DPoP")).claims["nonce"], "n-1");
}

TEST_F(ServeRequests, CarryAgainOnceWithAnotherTokenWhereTheFirstIsNoneAnyMore) {
  open();
  ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  bench.clock.advance(seconds{10});
  answers.emplace_back(challenge("invalid_token"));
  EXPECT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  ASSERT_EQ(carried.size(), 3U);
  EXPECT_EQ(*carried[1].headers.find("Authorization"), "DPoP token1");
  EXPECT_EQ(*carried[2].headers.find("Authorization"), "DPoP token2");

  bench.clock.advance(seconds{10});
  for (int i = 0; i < 3; ++i) answers.emplace_back(challenge("invalid_token"));
  EXPECT_EQ(ask(1001, "GET", "api.example", "/").status, 401U);
  EXPECT_EQ(carried.size(), 5U);
}

TEST_F(ServeRequests, DoNotAskTheIssuerAnewForATokenThatCameOnlyNow) {
  open();
  for (int i = 0; i < 3; ++i) answers.emplace_back(challenge("invalid_token"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(1001, "GET", "api.example", "/").status, 401U);
  EXPECT_EQ(carried.size(), 3U);
  close();
  EXPECT_EQ(bench.issuer.seen_at(token_url).size(), 1U);
}

TEST_F(ServeRequests, LeaveOtherRefusalsToTheProgram) {
  open();
  http::Response plain{401, {}, "who are you"};
  for (const auto& response : {plain, challenge("invalid_dpop_proof"), challenge("use_dpop_nonce"),
                               http::Response{403, {}, "no"}, http::Response{302, {}, ""}}) {
    answers.emplace_back(response);
    EXPECT_EQ(ask(1001, "GET", "api.example", "/").status, response.status);
  }
  EXPECT_EQ(carried.size(), 5U);
}

TEST_F(ServeRequests, SayThatAServiceIsAway) {
  open();
  answers.emplace_back(fail(Code::connect_failed, "nobody there"));
  const auto answer = ask(1001, "GET", "api.example", "/");
  EXPECT_EQ(answer.status, 502U);
  EXPECT_EQ(code_of(answer), "agent_upstream_failed");
  EXPECT_NE(answer.body.find("connect_failed"), std::string::npos);
}

TEST_F(ServeRequests, CarryBySessionKeyWithoutASignatureOfTheDevice) {
  open(R"("session": {},)");
  ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  const int after_token = bench.tpm.signatures;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  EXPECT_EQ(bench.tpm.signatures, after_token);
  EXPECT_EQ(read_proof(*carried[3].headers.find("DPoP")).jkt, tokens->session()->jkt());
}

TEST_F(ServeRequests, SayThatTheTpmIsAway) {
  open();
  const std::string given_token = token();
  bench.tpm.sign_error = Error{Code::tpm_unavailable, "gone"};
  const auto proven = proof(1001, given_token);
  EXPECT_EQ(proven.status, 503U);
  EXPECT_NE(proven.headers.find("Retry-After"), nullptr);
  const auto called = ask(1001, "GET", "api.example", "/");
  EXPECT_EQ(called.status, 503U);
  EXPECT_EQ(code_of(called), "tpm_unavailable");
}

TEST_F(ServeRequests, GoWithATokenOfTheKeyThatProves) {
  open();
  ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  Identity anew = *bench.state().identity();
  anew.client_id = "device-2";
  ASSERT_TRUE(bench.state().save(anew));
  ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  ASSERT_EQ(carried.size(), 2U);
  EXPECT_NE(*carried[0].headers.find("Authorization"), *carried[1].headers.find("Authorization"));
}

// --- scopes and where they are for ---

Settings paired() {
  return *parse_settings("agent.json", R"({
    "socket": {"path": "a.sock"},
    "destinations": [{"url": "https://one.example", "audience": "urn:api"},
                     {"url": "https://two.example", "audience": "urn:api"}],
    "users": [
      {"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["read"], "destinations": ["https://one.example"]}]},
      {"group": "1001", "grants": [{"audience": "urn:api", "scopes": ["write"], "destinations": ["https://two.example"]}]}]})");
}

TEST_F(ServeRequests, HaveTheScopesThatAreGrantedWhereTheyGo) {
  open();
  desk->in_force = std::make_shared<const InForce>(paired());
  ASSERT_EQ(ask(1001, "GET", "one.example", "/").status, 200U);
  ASSERT_EQ(ask(1001, "GET", "two.example", "/").status, 200U);
  EXPECT_EQ(code_of(ask(1001, "GET", "localhost", "/token")), "agent_scope_refused");
  const std::string read = token(1001, "?scope=read");
  EXPECT_EQ(proof(1001, read, "https://one.example/").status, 200U);
  EXPECT_EQ(code_of(proof(1001, read, "https://two.example/")), "agent_scope_refused");
  close();
  const auto asked = bench.issuer.seen_at(token_url);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_NE(asked[0].body.find("scope=read"), std::string::npos);
  EXPECT_EQ(asked[0].body.find("write"), std::string::npos);
  EXPECT_NE(asked[1].body.find("scope=write"), std::string::npos);
}

TEST_F(ServeRequests, HaveFewerScopesWhereTheProgramSaysSo) {
  open();
  http::Headers headers;
  headers.add(scope_header, "read");
  ASSERT_EQ(ask(1001, "GET", "api.example", "/", "", headers).status, 200U);
  EXPECT_EQ(carried[0].headers.find(scope_header), nullptr);
  http::Headers beyond;
  beyond.add(scope_header, "read admin");
  EXPECT_EQ(code_of(ask(1001, "GET", "api.example", "/", "", beyond)), "agent_scope_refused");
  headers.add(scope_header, "write");
  EXPECT_EQ(code_of(ask(1001, "GET", "api.example", "/", "", headers)), "agent_request_malformed");
  close();
  EXPECT_EQ(bench.issuer.seen_at(token_url).at(0).body.find("write"), std::string::npos);
}

TEST_F(ServeRequests, GoWithACertificateAndWithoutProofsWhereTheDestinationSaysSo) {
  open();
  desk->in_force = std::make_shared<const InForce>(*parse_settings("agent.json", R"({
    "socket": {"path": "a.sock"}, "destinations": [{"url": "https://api.example", "audience": "urn:api", "mtls": true},
                                                   {"url": "https://issuer.example", "audience": "urn:api", "mtls": true}],
    "users": [{"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["read"]}]}]})"));
  bench.issuer.token["token_type"] = "Bearer";
  ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  const int after_token = bench.tpm.signatures;
  for (int i = 0; i < 3; ++i) ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  EXPECT_EQ(bench.tpm.signatures, after_token);
  EXPECT_FALSE(last_certificate.empty());
  EXPECT_EQ(*carried[3].headers.find("Authorization"), "Bearer token1");
  EXPECT_EQ(carried[3].headers.find("DPoP"), nullptr);
  EXPECT_EQ(code_of(ask(1001, "POST", "issuer.example", "/token")), "agent_proof_for_issuer");
}

TEST_F(ServeRequests, GoWithAnotherTokenWhereTheCertificateIsAnothersNow) {
  open();
  desk->in_force = std::make_shared<const InForce>(*parse_settings("agent.json", R"({
    "socket": {"path": "a.sock"}, "destinations": [{"url": "https://api.example", "audience": "urn:api", "mtls": true}],
    "users": [{"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["read"]}]}]})"));
  bench.issuer.token["token_type"] = "Bearer";
  ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  bench.clock.advance(seconds{10});
  answers.emplace_back(fail(Code::agent_certificate_missing, "another's now"));
  ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
  EXPECT_EQ(*carried[2].headers.find("Authorization"), "Bearer token2");
}

}  // namespace
}  // namespace mintmark::agent::serve
