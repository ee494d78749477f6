// Calls through nginx and Caddy, each with the snippet that is shipped: what goes through, what
// each refusal is for the client; and the gate while it is changed and stopped.
#include <arpa/inet.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "beside.h"
#include "support/soft_key.h"

namespace mintmark::test {
namespace {

TEST_F(Beside, AGoodCallReachesTheServiceWithTheCallersIdentity) {
  const std::string token = stack.token();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things/7%20a?next=/x";
    const Answer answer = call(url, shown(token, url));
    ASSERT_EQ(answer.status, 200U) << proxy.name << answer.body << gate().output();
    const Json echo = Json::parse(answer.body);
    EXPECT_EQ(echo["target"], "/things/7%20a?next=/x") << proxy.name;
    const auto seen = seen_by_upstream(answer);
    for (const std::string& name : identity)
      EXPECT_EQ(seen.count(in_lower_case(name)), 1U) << proxy.name << name;
    EXPECT_EQ(value_of(seen, "mintmark-scope"), "read write");
    EXPECT_EQ(value_of(seen, "mintmark-key-protection"), "hardware");
    EXPECT_EQ(value_of(seen, "mintmark-binding"), "dpop");
    EXPECT_EQ(value_of(seen, "mintmark-attestation-format"), "tpm2");
    for (const char* name : {"authorization", "dpop"})
      EXPECT_EQ(seen.count(name), 0U) << proxy.name << name;
  }
}

TEST_F(Beside, AClientThatNamesAnotherRequestIsJudgedByItsOwn) {
  const std::string token = stack.token();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/other";
    Fields fields = shown(token, proxy.origin + "/things");
    for (const char* field : {"X-Original-URI: /things", "X-Forwarded-Uri: /things",
                              "X-Original-Method: GET", "X-Forwarded-Method: GET"})
      fields.emplace_back(field);
    const Answer answer = call(url, fields);
    EXPECT_EQ(answer.status, 403U) << proxy.name << answer.body;
    const Answer method = call(proxy.origin + "/things", fields, "DELETE");
    EXPECT_EQ(method.status, 403U) << proxy.name << method.body;
  }
}

// Once in five seconds (KeptKeysLimits), and what was under way when it began.
TEST_F(Beside, KidsThatStrangersInventHaveTheIssuerAskedNowAndThen) {
  const auto asked = [] {
    const std::string text = gate_figures();
    const std::string name = "\nmintmark_gate_keys_fetches_total ";
    const auto at = text.find(name);
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size()));
  };
  const double before = asked();
  ASSERT_GE(before, 1);
  const SoftKey forger;
  const Proxy proxy = proxies().front();
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 60; ++i) {
    const std::string token = forger.sign_jws(
        {{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", "invented-" + std::to_string(i)}},
        {{"iss", stack["MINT_ISSUER"]}});
    const Answer answer =
        call(proxy.origin + "/things", {"Authorization: DPoP " + token, "DPoP: x"});
    EXPECT_TRUE(answer.status == 401 || answer.status == 400 || answer.status == 503)
        << answer.status << answer.body;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  EXPECT_LE(asked() - before, took.count() / 5 + 2);
}

/// A refusal that needs no proof of its own.
struct Refused {
  std::string path;
  std::string method;
  std::vector<std::string> fields;
  unsigned status;
  std::string code;
  std::string challenge;  ///< What WWW-Authenticate begins with.
};

TEST_F(Beside, EachRefusalIsTheSameForTheClientOfEachProxy) {
  const std::string challenge = "DPoP algs=\"ES256";
  const std::vector<Refused> all{
      {"/things", "GET", {}, 401, "token_missing", challenge},
      {"/things", "HEAD", {}, 401, "", challenge},
      {"/things", "GET", {"Authorization: Basic eDp5"}, 401, "token_missing", challenge},
      {"/things", "GET", {"Authorization: DPoP x y"}, 400, "authorization_malformed", "(none)"},
      {"/things",
       "GET",
       {"Authorization: DPoP a.b.c"},
       401,
       "token_malformed",
       "DPoP error=\"invalid_token\", error_description=\""},
      {"/certificates", "GET", {}, 401, "token_missing", "Bearer realm="},
      {"/", "GET", {}, 403, "gate_no_rule", "(none)"},
      {"/thingsx", "GET", {}, 403, "gate_no_rule", "(none)"},
      {"/things", "DELETE", {}, 403, "gate_method_refused", "(none)"},
      {"/things/%2e%2e/admin", "GET", {}, 400, "gate_path_ambiguous", "(none)"},
      {"/things/..%2fadmin", "GET", {}, 400, "gate_path_ambiguous", "(none)"},
      {"/things/%252e%252e/admin", "GET", {}, 400, "gate_path_ambiguous", "(none)"},
      {"/things//admin", "GET", {}, 400, "gate_path_ambiguous", "(none)"},
      {"/things/..;x/admin", "GET", {}, 400, "gate_path_ambiguous", "(none)"},
      {"/things%5c..%5cadmin", "GET", {}, 400, "gate_path_ambiguous", "(none)"},
      {"/things/../admin", "GET", {}, 400, "gate_path_ambiguous", "(none)"},
      {"/things/%ff", "GET", {}, 400, "gate_path_malformed", "(none)"}};
  for (const Proxy& proxy : proxies()) {
    for (const Refused& one : all) {
      const Answer answer = call(proxy.origin + one.path, one.fields, one.method);
      const std::string what = std::string(proxy.name) + " " + one.method + " " + one.path + "\n";
      EXPECT_EQ(answer.status, one.status) << what << answer.body;
      EXPECT_NE(answer.body.find(one.code), std::string::npos) << what << answer.body;
      EXPECT_TRUE(answer.header("WWW-Authenticate").starts_with(one.challenge))
          << what << answer.header("WWW-Authenticate");
      EXPECT_LE(answer.headers.count("WWW-Authenticate"), 1U) << what;
      EXPECT_EQ(answer.header("Cache-Control"), "no-store") << what;
      EXPECT_EQ(answer.body.find("upstream"), std::string::npos) << what;
    }
  }
}

TEST_F(Beside, AGoodTokenIsRefusedWhereItsProofOrTheRuleDoesNotFit) {
  const std::string token = stack.token();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things";
    const Fields good = shown(token, url);
    EXPECT_EQ(call(url, good).status, 200U) << proxy.name;
    const auto expect = [&](const Answer& answer, unsigned status, const std::string& code) {
      EXPECT_EQ(answer.status, status) << proxy.name << code << answer.body;
      EXPECT_NE(answer.body.find(code), std::string::npos) << proxy.name << answer.body;
    };
    expect(call(url, good), 401, "proof_replayed");
    expect(call(url, {good[0]}), 401, "proof_missing");
    expect(call(url, {"Authorization: Bearer " + token, good[1]}), 401, "token_scheme");
    expect(call(url, {good[0], good[1], good[1]}), 401, "proof");
    expect(call(proxy.origin + "/things/8", shown(token, url)), 401, "proof_htu");
    expect(call(url, shown(token, url), "POST"), 401, "proof_htm");
    const std::string hardware = proxy.origin + "/hardware";
    EXPECT_EQ(call(hardware, shown(token, hardware)).status, 200U) << proxy.name;
    const std::string admin = proxy.origin + "/admin";
    const Answer scope = call(admin, shown(token, admin));
    expect(scope, 403, "gate_scope");
    EXPECT_NE(scope.header("WWW-Authenticate").find("error=\"insufficient_scope\""),
              std::string::npos);
    EXPECT_NE(scope.header("WWW-Authenticate").find("scope=\"admin\""), std::string::npos);
    const std::string webauthn = proxy.origin + "/webauthn";
    expect(call(webauthn, shown(token, webauthn)), 403, "gate_attestation_format");
    const std::string certificates = proxy.origin + "/certificates";
    expect(call(certificates, shown(token, certificates)), 403, "gate_binding");
  }
}

TEST_F(Beside, AHostThatIsNotListedIsNobodys) {
  for (const Proxy& proxy : proxies()) {
    const Answer answer = call(proxy.origin + "/things", {"Host: other.example"});
    EXPECT_NE(answer.status, 401U) << proxy.name;
    EXPECT_EQ(answer.body.find("upstream"), std::string::npos) << proxy.name << answer.body;
  }
  const Answer nginx = call(proxies()[0].origin + "/things", {"Host: other.example"});
  EXPECT_EQ(nginx.status, 403U);
  EXPECT_NE(nginx.body.find("gate_origin_unknown"), std::string::npos) << nginx.body;
}

TEST_F(Beside, Oauth4webapiCallsWithNoncesThroughEachProxy) {
  Json always = settings();
  always["nonces"] = "always";
  reload_gate(always);
  for (const Proxy& proxy : proxies()) {
    const Outcome done = execute(judge("calls", proxy.origin));
    EXPECT_EQ(done.status, 0) << proxy.name << done.output;
    EXPECT_NE(done.output.find("\ngate: 5 passed\n"), std::string::npos)
        << proxy.name << done.output;
  }
  reload_gate();
  begin_proof_memory();
}

TEST_F(Beside, WithoutTheGateNobodyGetsInAndClientsAreToldToComeBack) {
  const std::string token = stack.token();
  stop_gate();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things";
    const Answer answer = call(url, shown(token, url));
    EXPECT_EQ(answer.status, 503U) << proxy.name << answer.body;
    EXPECT_EQ(answer.header("Retry-After"), "1") << proxy.name;
    EXPECT_EQ(answer.body.find("upstream"), std::string::npos) << proxy.name;
  }
  start_gate();
}

TEST_F(Beside, AServiceThatFailsIsNotTakenForTheGate) {
  const std::string token = stack.token();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things/broken";
    const Answer answer = call(url, shown(token, url));
    EXPECT_EQ(answer.status, 502U) << proxy.name << answer.body;
    EXPECT_EQ(answer.header("Retry-After"), "(none)") << proxy.name;
  }
}

TEST_F(Beside, WithoutTheIssuersKeysNobodyGetsIn) {
  const std::string token = stack.token();
  stop_gate();
  Json astray = settings();
  astray["issuer"] = "https://localhost:1";
  write_settings(astray.dump());
  ChildProcess lost({stack["MINT_BIN"] + "/mint-gate", "serve", "--config", gate_file().string()},
                    gate_file().string() + ".log");
  wait_until("the gate to listen", lost, [] { return gate_health("/healthz").status == 200; });
  EXPECT_EQ(gate_health("/readyz").status, 503U);
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things";
    const Answer answer = call(url, shown(token, url));
    EXPECT_EQ(answer.status, 503U) << proxy.name << answer.body;
    EXPECT_EQ(answer.header("Retry-After"), "1") << proxy.name;
    EXPECT_NE(answer.body.find("gate_starting"), std::string::npos) << proxy.name << answer.body;
    EXPECT_EQ(call(proxy.origin + "/other").status, 403U) << "what needs no keys is decided";
  }
  lost.end();
  write_settings(settings().dump());
  start_gate();
}

TEST_F(Beside, KeysThatAreRotatedLoseNoCall) {
  for (const Proxy& proxy : proxies()) {
    ChildProcess traffic(judge("traffic", proxy.origin), gate_file().string() + ".traffic");
    const auto granted = [] {
      return gate_figure("mintmark_gate_decisions_total{outcome=\"ok\"}");
    };
    wait_until("traffic", traffic,
               [&] { return traffic.output().find("begun") != std::string::npos; });
    for (int i = 0; i < 2; ++i) {
      const double before = granted();
      wait_until("calls", traffic, [&] { return granted() > before + 3; });
      (void)stack.control({"keys", "rotate", "--purpose", "access_token"});
    }
    const double before = granted();
    wait_until("calls", traffic, [&] { return granted() > before + 3; });
    ASSERT_EQ(kill(traffic.pid(), SIGTERM), 0);
    EXPECT_EQ(traffic.wait(), 0);
    EXPECT_NE(traffic.output().find(" passed, 0 lost"), std::string::npos)
        << proxy.name << traffic.output() << gate().output();
  }
}

/// One connection to the gate, as a proxy keeps it.
class Kept {
 public:
  explicit Kept(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const timeval patience{20, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  /// The answer's first octets; "" where the connection is gone.
  std::string ask(const std::string& origin, const std::string& path) {
    const std::string request =
        "GET / HTTP/1.1\r\nHost: gate\r\nX-Original-Method: GET\r\n"
        "X-Original-Scheme: https\r\nX-Original-Host: " +
        origin.substr(8) + "\r\nX-Original-URI: " + path + "\r\n\r\n";
    return say(request) ? answer() : "";
  }
  bool say(const std::string& octets) {
    return connected_ && send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL) >= 0;
  }
  std::string answer() {
    std::string answer;
    char chunk[4096];
    while (answer.find("\"code\"") == std::string::npos) {
      const auto count = recv(socket_.get(), chunk, sizeof chunk, 0);
      if (count <= 0) return "";
      answer.append(chunk, static_cast<std::size_t>(count));
    }
    return answer;
  }

 private:
  UniqueFd socket_;
  bool connected_ = false;
};

TEST_F(Beside, AReloadChangesRulesAndLosesNoConnection) {
  Kept connection(gate_port());
  const std::string origin = proxies()[0].origin;
  EXPECT_NE(connection.ask(origin, "/new").find("gate_no_rule"), std::string::npos);
  Json changed = settings();
  Json more = changed["services"][0]["rules"][0];
  more["path"] = "/new";
  changed["services"][0]["rules"].push_back(more);
  reload_gate(changed);
  EXPECT_NE(connection.ask(origin, "/new").find("token_missing"), std::string::npos);
  reload_gate();
  EXPECT_NE(connection.ask(origin, "/new").find("gate_no_rule"), std::string::npos);
}

TEST_F(Beside, AReloadForgetsNoProofThatWasUsed) {
  const std::string token = stack.token();
  const std::string url = proxies()[0].origin + "/things";
  const Fields used = shown(token, url);
  ASSERT_EQ(call(url, used).status, 200U);
  const double proofs = gate_figure("mintmark_gate_proofs_remembered");
  EXPECT_GE(proofs, 1);
  EXPECT_GE(gate_figure("mintmark_gate_tokens_remembered"), 1);
  reload_gate();
  EXPECT_EQ(gate_figure("mintmark_gate_proofs_remembered"), proofs) << "nothing changed";
  EXPECT_NE(call(url, used).body.find("proof_replayed"), std::string::npos);
  // Another memory does not know which were used, and so takes none from before.
  Json other = settings();
  other["services"][0]["rules"][0]["audience"] = "https://other.example";
  reload_gate(other);
  EXPECT_EQ(gate_figure("mintmark_gate_proofs_remembered"), 0);
  reload_gate();
  EXPECT_EQ(call(url, used).status, 401U);
  EXPECT_EQ(call(url, used).header("DPoP-Nonce") == "(none)", false) << "asked for a nonce";
  begin_proof_memory();
}

TEST_F(Beside, RefusalsAreAllCountedAndLoggedInPart) {
  const std::string figure = "mintmark_gate_decisions_total{outcome=\"gate_no_rule\"}";
  const auto logged = [] {
    std::size_t found = 0;
    const std::string log = gate().output();
    const std::string event = "\"event\":\"refused\"";
    for (auto at = log.find(event); at != std::string::npos; at = log.find(event, at + 1)) ++found;
    return found;
  };
  Kept connection(gate_port());
  const double before = std::max(gate_figure(figure), 0.0);
  const auto lines = logged();
  constexpr int many = 3000;
  for (int i = 0; i < many; ++i) (void)connection.ask(proxies()[0].origin, "/other");
  EXPECT_EQ(gate_figure(figure), before + many);
  EXPECT_GT(logged(), lines);
  EXPECT_LT(logged(), lines + many);
}

TEST_F(Beside, AReloadThatIsRefusedLeavesWhatIsThereAndSaysWhy) {
  Kept connection(gate_port());
  const std::string origin = proxies()[0].origin;
  Json bad = settings();
  bad["services"][0]["rules"][0]["binding"] = "bearer";
  reload_gate(bad);
  EXPECT_NE(connection.ask(origin, "/things").find("token_missing"), std::string::npos);
  EXPECT_EQ(gate_figure("mintmark_reload_successful"), 0);
  EXPECT_NE(gate().output().find("mint-gate.json:"), std::string::npos) << gate().output();
  Json elsewhere = settings();
  elsewhere["threads"] = 7;
  reload_gate(elsewhere);
  EXPECT_EQ(gate_figure("mintmark_reload_successful"), 0);
  EXPECT_NE(gate().output().find("restart for them"), std::string::npos);
  reload_gate();
  EXPECT_EQ(gate_figure("mintmark_reload_successful"), 1);
}

TEST_F(Beside, StopsWhenWhatIsUnderWayIsAnswered) {
  Kept idle(gate_port());
  EXPECT_NE(idle.ask(proxies()[0].origin, "/other").find("gate_no_rule"), std::string::npos);
  Kept under_way(gate_port());
  ASSERT_TRUE(under_way.say("GET / HTTP/1.1\r\nHost: gate\r\nX-Original-Method: GET\r\n"));
  // Answered behind it: the gate has the first half of the other.
  EXPECT_NE(idle.ask(proxies()[0].origin, "/other").find("gate_no_rule"), std::string::npos);
  ASSERT_EQ(kill(gate().pid(), SIGTERM), 0);
  wait_until("the gate to stop", gate(),
             [] { return gate().output().find("\"event\":\"stopping\"") != std::string::npos; });
  EXPECT_EQ(Kept(gate_port()).ask(proxies()[0].origin, "/other"), "") << "nobody new";
  ASSERT_TRUE(under_way.say("X-Original-Scheme: https\r\nX-Original-Host: " +
                            proxies()[0].origin.substr(8) + "\r\nX-Original-URI: /other\r\n\r\n"));
  const std::string last = under_way.answer();
  EXPECT_NE(last.find("gate_no_rule"), std::string::npos) << last;
  EXPECT_NE(last.find("Connection: close"), std::string::npos) << last;
  EXPECT_EQ(gate().wait(), 0);
  EXPECT_NE(gate().output().find("\"event\":\"stopped\""), std::string::npos);
  start_gate();
}

TEST_F(Beside, FiguresCountDecisionsByTheirReason) {
  const std::string name = "mintmark_gate_decisions_total{outcome=\"gate_no_rule\"}";
  const double before = std::max(gate_figure(name), 0.0);
  (void)call(proxies()[0].origin + "/other");
  EXPECT_EQ(gate_figure(name), before + 1);
  EXPECT_EQ(gate_figure("mintmark_gate_keys_usable"), 1);
  EXPECT_GE(gate_figure("mintmark_gate_keys_age_seconds"), 0);
  EXPECT_GT(gate_figure("mintmark_gate_decision_seconds_count"), 0);
  EXPECT_EQ(gate_health("/nowhere").status, 404U);
}

TEST_F(Beside, FiguresOfThePageAndOfTheAlertsAreServed) {
  (void)call(proxies()[0].origin + "/other");
  const std::string text = gate_figures();
  for (const char* name : {"/docs/gate.md", "/provisioning/prometheus/gate-alerts.yml"}) {
    const auto document = read_file(MINTMARK_SOURCE + std::string(name));
    ASSERT_TRUE(document);
    std::size_t named = 0;
    for (auto at = document->find("mintmark_"); at != std::string::npos;
         at = document->find("mintmark_", at + 1), ++named) {
      const auto end = document->find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
      std::string one = document->substr(at, end - at);
      if (one.ends_with("_bucket")) one.resize(one.size() - 7);
      if (one == "mintmark_tls_certificate_end_seconds") continue;  // No listener of these has TLS.
      // This gate subscribes to nothing; those of tests/integration/chaos do.
      if (one.starts_with("mintmark_gate_revocations") || one.starts_with("mintmark_gate_event_"))
        continue;
      EXPECT_NE(text.find("# TYPE " + one + " "), std::string::npos) << one << " of " << name;
    }
    EXPECT_GT(named, 5U) << name;
  }
}

TEST_F(Beside, OneWhoIsNoTrustedProxyIsToldNothing) {
  Json other = settings();
  for (Json& listener : other["listen"]) listener["trusted_networks"] = {"192.0.2.0/24"};
  stop_gate();
  write_settings(other.dump());
  start_gate();
  for (const Proxy& proxy : proxies()) {
    const Answer answer = call(proxy.origin + "/things");
    EXPECT_EQ(answer.status, 403U) << proxy.name;
    EXPECT_NE(answer.body.find("gate_peer_untrusted"), std::string::npos) << proxy.name;
  }
  Kept stranger(gate_port());
  const std::string told = stranger.ask(proxies()[0].origin, "/things");
  EXPECT_NE(told.find("Connection: close"), std::string::npos) << told;
  EXPECT_EQ(stranger.ask(proxies()[0].origin, "/things"), "") << "he keeps no place";
  stop_gate();
  write_settings(settings().dump());
  start_gate();
}

TEST_F(Beside, AUnixSocketAnswersTheProxysUserAlone) {
  const std::string socket = gate_file().string() + ".sock";
  const auto asked = [&](const char* trusted) {
    Json own = settings();
    own["listen"].push_back(
        {{"dialect", "caddy"}, {"socket", socket}, {"trusted_users", {trusted}}});
    stop_gate();
    write_settings(own.dump());
    start_gate();
    return execute({"curl", "--silent", "--unix-socket", socket, "--header",
                    "X-Forwarded-Method: GET", "--header", "X-Forwarded-Uri: /things", "--header",
                    "X-Forwarded-Proto: https", "--header",
                    "X-Forwarded-Host: " + proxies()[1].origin.substr(8), "http://gate/"})
        .output;
  };
  const passwd* const self = getpwuid(geteuid());
  ASSERT_NE(self, nullptr);
  EXPECT_NE(asked(self->pw_name).find("token_missing"), std::string::npos);
  EXPECT_NE(asked("daemon").find("gate_peer_untrusted"), std::string::npos);
  stop_gate();
  write_settings(settings().dump());
  start_gate();
}

TEST_F(Beside, AConfigurationIsCheckedBeforeItIsUsed) {
  const std::string program = stack["MINT_BIN"] + "/mint-gate";
  const Outcome good = execute({program, "serve", "--check-config", "--config", gate_file()});
  EXPECT_EQ(good.status, 0) << good.output;
  const std::string file = gate_file().string() + ".bad";
  std::string text = settings().dump(2);
  text.replace(text.find("\"binding\""), 9, "\"bindings\"");
  (void)write_file_atomically(file, text).has_value();
  const Outcome bad = execute({program, "serve", "--check-config", "--config", file});
  EXPECT_EQ(bad.status, 2);
  EXPECT_NE(bad.output.find(file + ":"), std::string::npos) << bad.output;
  EXPECT_NE(bad.output.find("bindings"), std::string::npos) << bad.output;
}

}  // namespace
}  // namespace mintmark::test
