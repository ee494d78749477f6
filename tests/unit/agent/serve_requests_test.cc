// What programs ask at the agent's socket.
#include "serve_requests.h"

#include <atomic>
#include <latch>

namespace mintmark::agent::serve {
namespace {

// --- tokens ---

TEST_F(ServeRequests, GiveATokenOfWhatIsGranted) {
  open();
  const auto answer = ask(1001, "GET", "localhost", "/token?audience=urn%3Aapi&scope=write");
  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(Json::parse(answer.body),
            Json::parse(R"({"access_token": "token1", "token_type": "DPoP",
                                                      "expires_in": 300, "scope": "write"})"));
  EXPECT_EQ(*answer.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(token(1001, ""), "token2");
  close();
  EXPECT_NE(bench.issuer.seen_at(token_url).back().body.find("scope=read+write"),
            std::string::npos);
}

TEST_F(ServeRequests, RefuseATokenOfWhatIsNotGranted) {
  open();
  const std::vector<std::tuple<uid_t, std::string, std::string>> wrong = {
      {1003, "/token", "agent_user_refused"},
      {1003, "/token?colour=red", "agent_user_refused"},
      {1003, "/no-such-path", "agent_user_refused"},
      {0, "/token?audience=urn%3Aapi", "agent_user_refused"},
      {1001, "/token?audience=urn%3Aother", "agent_audience_refused"},
      {1002, "/token", "agent_audience_refused"},
      {1002, "/token?audience=urn%3Aapi&scope=write", "agent_scope_refused"},
      {1001, "/token?scope=read+admin", "agent_scope_refused"},
      {1001, "/token?audience=urn%3Aapi&audience=urn%3Aapi", "agent_request_malformed"},
      {1001, "/token?colour=red", "agent_request_malformed"},
      {1001, "/token?audience=%zz", "agent_request_malformed"}};
  for (const auto& [user, target, code] : wrong) {
    const auto answer = ask(user, "GET", "localhost", target);
    EXPECT_EQ(code_of(answer), code) << target << user;
    EXPECT_EQ(answer.status, code == "agent_request_malformed" ? 400U : 403U) << target;
  }
  close();
  EXPECT_TRUE(bench.issuer.seen_at(token_url).empty());
}

TEST_F(ServeRequests, SayWhyTheIssuerGivesNone) {
  bench.issuer.refuse_next(token_url, Code::policy_no_rule);
  open();
  const auto refused = ask(1001, "GET", "localhost", "/token");
  EXPECT_EQ(refused.status, 502U);
  EXPECT_EQ(code_of(refused), "policy_no_rule");
}

TEST_F(ServeRequests, SayThatAnIssuerThatIsAwayMayComeBack) {
  bench.issuer.transport_error = Error{Code::connect_failed, "nobody there"};
  open();
  const auto away = ask(1001, "GET", "localhost", "/token");
  EXPECT_EQ(away.status, 503U);
  EXPECT_NE(away.headers.find("Retry-After"), nullptr);
  EXPECT_EQ(code_of(away), "connect_failed");
}

// --- proofs ---

TEST_F(ServeRequests, ProveTheUseOfATokenThatWasGiven) {
  open();
  const std::string given_token = token();
  const auto answer = proof(1001, given_token, "https://api.example/a?b=c");
  ASSERT_EQ(answer.status, 200U) << answer.body;
  const ReadProof read = read_proof(Json::parse(answer.body)["proof"]);
  EXPECT_EQ(read.claims["htm"], "GET");
  EXPECT_EQ(read.claims["htu"], "https://api.example/a");
  EXPECT_TRUE(read.claims.contains("ath"));
  EXPECT_EQ(read.jkt, bench.state().identity()->jkt);
}

TEST_F(ServeRequests, PutTheNonceThatIsNamedIntoTheProof) {
  open();
  const Json body = {{"method", "GET"},
                     {"url", "https://api.example/a"},
                     {"access_token", token()},
                     {"nonce", "n-1"}};
  const auto answer = ask(1001, "POST", "localhost", "/proof", body.dump());
  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(read_proof(Json::parse(answer.body)["proof"]).claims["nonce"], "n-1");
}

TEST_F(ServeRequests, ProveNothingElse) {
  open();
  const std::string given_token = token();
  EXPECT_EQ(code_of(proof(1002, given_token)), "agent_user_refused");
  EXPECT_EQ(code_of(proof(1003, given_token)), "agent_user_refused");
  EXPECT_EQ(code_of(proof(1001, "another")), "agent_user_refused");
  EXPECT_EQ(code_of(proof(1001, "")), "agent_proof_without_token");
  for (const char* url : {"https://other.example/a", "https://issuer.example/token",
                          "http://api.example/a", "https://api.example:444/"}) {
    EXPECT_EQ(code_of(proof(1001, given_token, url)), "agent_destination_refused") << url;
  }
  EXPECT_EQ(code_of(proof(1001, given_token, "not a URL")), "agent_request_malformed");
  bench.clock.advance(seconds{301});
  EXPECT_EQ(code_of(proof(1001, given_token)), "agent_user_refused");
}

TEST_F(ServeRequests, ReadABodyOfAProofStrictly) {
  open();
  const std::string text = token();
  for (const char* body :
       {"", "x", "[]", "7", "{}", R"({"method":"GET","url":"https://api.example/"})",
        R"({"method":"GET","url":"https://api.example/","access_token":7})",
        R"({"method":"GET","url":"https://api.example/","access_token":"t","nonce":7})",
        R"({"method":"GET","url":"https://api.example/","access_token":"t","more":"x"})",
        R"({"method":"GET","method":"PUT","url":"https://api.example/","access_token":"t"})"}) {
    const auto answer = ask(1001, "POST", "localhost", "/proof", body);
    EXPECT_EQ(answer.status, 400U) << body;
    EXPECT_EQ(code_of(answer), "agent_request_malformed") << body;
  }
  Json wrong = {{"method", "NO METHOD"}, {"url", "https://api.example/"}, {"access_token", text}};
  EXPECT_EQ(code_of(ask(1001, "POST", "localhost", "/proof", wrong.dump())),
            "agent_proof_request_malformed");
}

TEST_F(ServeRequests, ProveBySessionKeyWithoutASignatureOfTheDevice) {
  open(R"("session": {},)");
  const std::string given_token = token();
  const int before = bench.tpm.signatures;
  const auto answer = proof(1001, given_token);
  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(bench.tpm.signatures, before);
  const ReadProof read = read_proof(Json::parse(answer.body)["proof"]);
  EXPECT_EQ(read.jkt, tokens->session()->jkt());
  EXPECT_NE(read.jkt, bench.state().identity()->jkt);
}

TEST_F(ServeRequests, ProveNothingByASessionKeyThatIsOver) {
  open(R"("session": {"life_seconds": 60},)");
  const std::string given_token = token();
  bench.clock.advance(seconds{60});
  EXPECT_EQ(code_of(proof(1001, given_token)), "agent_user_refused");
}

TEST_F(ServeRequests, MakeNoProofWithASessionKeyThatIsOver) {
  open();
  const auto session = SessionKey::make(seconds{60}, bench.clock.now()).value();
  const ProofContent content{"GET", "https://api.example/", "token"};
  EXPECT_TRUE(prover->prove(content, session.get()));
  bench.clock.advance(seconds{60});
  const auto late = prover->prove(content, session.get());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::agent_session_unfit);
}

TEST_F(ServeRequests, ProveNothingForTheIssuerWhateverTheConfigurationSays) {
  for (const char* session : {"", R"("session": {},)"}) {
    open(session);
    desk->in_force = std::make_shared<const InForce>(
        *parse_settings("agent.json", R"({"socket": {"path": "a.sock"},
                          "destinations": [{"url": "https://issuer.example", "audience": "urn:api"}],
                          "users": [{"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["read"]}]}]})"));
    EXPECT_EQ(code_of(proof(1001, token(), "https://issuer.example/token")),
              "agent_proof_for_issuer");
    EXPECT_EQ(code_of(ask(1001, "POST", "issuer.example", "/token")), "agent_proof_for_issuer");
    EXPECT_TRUE(carried.empty());
    close();
  }
}

// --- who waits, and for what ---

TEST_F(ServeRequests, GiveWhatIsInMemoryWhileEveryThreadIsTaken) {
  open(R"("session": {},)");
  const std::string given_token = token();
  std::atomic<bool> held = true;
  std::latch taken(2);
  for (const uid_t user : {1003, 1004}) {
    ASSERT_TRUE(workers->submit(user, {[&](unsigned) {
                                         taken.count_down();
                                         while (held) std::this_thread::yield();
                                       },
                                       [](const Error&) {}}));
  }
  taken.wait();
  EXPECT_EQ(token(), given_token);
  EXPECT_EQ(proof(1001, given_token).status, 200U);
  held = false;
}

TEST_F(ServeRequests, ThatWaitForAThreadAreAnsweredAtTheEnd) {
  open();
  std::atomic<bool> held = true;
  std::latch taken(2);
  for (const uid_t user : {1003, 1004}) {
    ASSERT_TRUE(workers->submit(user, {[&](unsigned) {
                                         taken.count_down();
                                         while (held) std::this_thread::yield();
                                       },
                                       [](const Error&) {}}));
  }
  taken.wait();
  auto waiting =
      std::async(std::launch::async, [&] { return ask(1001, "GET", "localhost", "/token"); });
  // Taken or refused: either way it is told that there is an end.
  workers->stop();
  const auto answer = waiting.get();
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(code_of(answer), "unavailable");
  held = false;
}

TEST_F(ServeRequests, HaveConnectionsByUserAndFewForNobody) {
  open();
  const auto share = [&](uid_t user) {
    const http::LocalPeer peer{user, {user}};
    return connection_share(*desk->in_force, &peer);
  };
  EXPECT_EQ(share(1001).most, 64U);
  EXPECT_NE(share(1001).of, share(1002).of);
  EXPECT_EQ(share(1003).most, 32U);
  EXPECT_EQ(share(1003).of, share(1004).of);
  EXPECT_NE(share(1003).of, share(1001).of);
  EXPECT_EQ(connection_share(*desk->in_force, nullptr).of, share(1003).of);
}

// --- enrolled anew ---

TEST_F(ServeRequests, UseNoTokenOfAFormerEnrolment) {
  for (const char* session : {"", R"("session": {},)"}) {
    open(session);
    const std::string former = token();
    ASSERT_EQ(ask(1001, "GET", "api.example", "/").status, 200U);
    tokens.reset();
    bench.enroll();
    tokens.emplace(bench.agent(), bench.clock,
                   TokenSourceOptions{desk->in_force->settings.session_life, seconds{20}});
    EXPECT_EQ(code_of(proof(1001, former)), "agent_user_refused");
    EXPECT_NE(token(), former);
    close();
  }
}

TEST_F(ServeRequests, ProveNothingForScopesThatAreNotGrantedAnyMore) {
  open();
  const std::string wide = token();
  const std::string narrow = token(1001, "?audience=urn%3Aapi&scope=read");
  desk->in_force = std::make_shared<const InForce>(*parse_settings("agent.json", R"({
    "socket": {"path": "a.sock"}, "destinations": [{"url": "https://api.example", "audience": "urn:api"}],
    "users": [{"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["read"]}]}]})"));
  EXPECT_EQ(code_of(proof(1001, wide)), "agent_scope_refused");
  EXPECT_EQ(proof(1001, narrow).status, 200U);
}

TEST_F(ServeRequests, TellAUserItsOwnStandingAndNoSecret) {
  open();
  const std::string given_token = token();
  const auto answer = ask(1001, "GET", "localhost", "/status");
  ASSERT_EQ(answer.status, 200U);
  const Json status = Json::parse(answer.body);
  EXPECT_EQ(status["client_id"], "device-1");
  ASSERT_EQ(status["grants"].size(), 1U);
  EXPECT_EQ(status["grants"][0]["destinations"], Json::array({"https://api.example"}));
  EXPECT_EQ(answer.body.find("urn:other"), std::string::npos);
  EXPECT_EQ(answer.body.find(given_token), std::string::npos);
  EXPECT_EQ(code_of(ask(1003, "GET", "localhost", "/status")), "agent_user_refused");
}

TEST_F(ServeRequests, TellAnybodyThatTheAgentIsThere) {
  open();
  EXPECT_EQ(ask(1003, "GET", "localhost", "/healthz").status, 200U);
}

TEST_F(ServeRequests, FollowTheConfigurationFromTheNextOneOn) {
  open();
  const std::string given_token = token();
  desk->in_force = std::make_shared<const InForce>(
      *parse_settings("agent.json", R"({"socket": {"path": "a.sock"}, "users": [
        {"user": "1001", "grants": [{"audience": "urn:other", "scopes": ["read"]}]}]})"));
  EXPECT_EQ(code_of(proof(1001, given_token)), "agent_audience_refused");
  EXPECT_EQ(code_of(ask(1001, "GET", "api.example", "/")), "agent_destination_refused");
  EXPECT_EQ(code_of(ask(1002, "GET", "localhost", "/token")), "agent_user_refused");
}

TEST_F(ServeRequests, OfWhomTheKernelDoesNotNameAreRefused) {
  open();
  http::Request request;
  request.method = "GET";
  request.target = request.path = "/token";
  request.headers.add("Host", "localhost");
  http::Response got;
  handler(request, [&](http::Response response) { got = std::move(response); });
  EXPECT_EQ(code_of(got), "agent_user_refused");
}

}  // namespace
}  // namespace mintmark::agent::serve
