// What programs ask at the agent's socket, and requests that are carried to services.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>

#include "agent/serve/answers.h"
#include "agent/serve/hardware.h"
#include "agent/serve/local_api.h"
#include "fake_issuer.h"

namespace mintmark::agent::serve {
namespace {

using std::chrono::seconds;

const std::string token_url = "https://issuer.example/token";

Settings settings_of(const std::string& session) {
  return *parse_settings("agent.json", R"({
    "socket": {"path": "a.sock"},)" + session +
                                           R"(
    "destinations": [{"url": "https://api.example", "audience": "urn:api"},
                     {"url": "https://other.example", "audience": "urn:other"}],
    "users": [
      {"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["read", "write"]}]},
      {"user": "1002", "grants": [{"audience": "urn:api", "scopes": ["read"]},
                                  {"audience": "urn:other", "scopes": ["read"]}]}]})");
}

struct Carried {
  std::string method;
  std::string url;
  http::Headers headers;
  std::string body;
};

/// A whole agent but for socket and network.
class ServeRequests : public testing::Test {
 protected:
  ServeRequests() { bench.enroll(); }
  ~ServeRequests() override { close(); }

  void open(const std::string& session = "") {
    const Surroundings own{.open_device =
                               [this](const std::string&) {
                                 ++bench.tpm.opened;
                                 return Result<std::unique_ptr<hsm::tpm2::Device>>(
                                     std::make_unique<FakeDevice>(bench.tpm));
                               },
                           .open_transport = {},
                           .clock = bench.clock,
                           .boot_id = [] { return "the-first-boot"; },
                           .say = [](const std::string&) {}};
    hardware.emplace(Hardware::Openers{own.open_device, {}}, HardwareLimits{});
    const auto settings = settings_of(session);
    tokens.emplace(bench.agent(), bench.clock,
                   TokenSourceOptions{settings.session_life, seconds{20}});
    Surroundings through = own;
    through.open_device = hardware->openers(Standing::in_line).open_device;
    prover.emplace(bench.state(), through);
    relay.emplace(*tokens, *prover, [this](unsigned, const Outgoing& outgoing) -> Relay::Sent {
      last_ca = outgoing.ca_file;
      last_certificate = outgoing.certificate;
      carried.push_back({outgoing.request.method,
                         outgoing.destination.url.origin() + outgoing.request.target,
                         outgoing.headers, outgoing.request.body});
      if (answers.empty()) return {http::Response{200, {}, "done"}};
      auto next = answers.front();
      answers.pop_front();
      const bool of_key = !next && next.error().code == Code::agent_certificate_missing;
      return {next, !of_key};
    });
    workers.emplace(2U, 2U, seconds{20});
    desk.emplace(Desk{bench.clock, *tokens, *prover, given, *relay, *workers,
                      std::make_shared<const InForce>(settings)});
    handler = local_requests(*desk);
  }
  void close() {
    workers.reset();
    tokens.reset();
  }

  http::Response ask(uid_t user, const std::string& method, const std::string& host,
                     const std::string& target, const std::string& body = "",
                     http::Headers headers = {}) {
    http::Request request;
    request.method = method;
    request.target = target;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.headers = std::move(headers);
    request.headers.add("Host", host);
    request.body = body;
    request.local_peer = std::make_shared<const http::LocalPeer>(http::LocalPeer{user, {user}});
    std::promise<http::Response> answer;
    handler(std::move(request),
            [&](http::Response response) { answer.set_value(std::move(response)); });
    return answer.get_future().get();
  }
  std::string token(uid_t user = 1001, const std::string& query = "?audience=urn%3Aapi") {
    const auto answer = ask(user, "GET", "localhost", "/token" + query);
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return Json::parse(answer.body).value("access_token", "");
  }
  http::Response proof(uid_t user, const std::string& access_token,
                       const std::string& url = "https://api.example/a") {
    return ask(user, "POST", "localhost", "/proof",
               Json{{"method", "GET"}, {"url", url}, {"access_token", access_token}}.dump());
  }
  static std::string code_of(const http::Response& response) {
    const auto body = parse_json(response.body);
    const std::string* header = response.headers.find(refusal_header);
    const std::string code = body ? body->value("code", "") : "";
    EXPECT_EQ(header == nullptr ? "" : *header, code);
    return code;
  }
  static http::Response challenge(const std::string& error, const std::string& nonce = "") {
    http::Response response{401, {}, "no"};
    response.headers.add("WWW-Authenticate", "DPoP error=\"" + error + "\", algs=\"ES256\"");
    if (!nonce.empty()) response.headers.add("DPoP-Nonce", nonce);
    return response;
  }

  Bench bench;
  std::deque<Result<http::Response>> answers;
  std::vector<Carried> carried;
  std::string last_ca;
  std::string last_certificate;
  std::optional<Hardware> hardware;
  std::optional<TokenSource> tokens;
  std::optional<Prover> prover;
  GivenTokens given;
  std::optional<Relay> relay;
  std::optional<Workers> workers;
  std::optional<Desk> desk;
  http::Handler handler;
};

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

// --- requests that are carried ---

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

// --- with the device's certificate ---

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

// --- the rest ---

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
