// mint-agent serve as programs find it: curl at its socket, as root and as another user, through to
// services that judge token and proof by the npm package oauth4webapi.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <regex>

#include "base/file.h"
#include "stack.h"
#include "support/document_blocks.h"
#include "support/temporary_directory.h"

namespace mintmark::test {
namespace {

constexpr const char* policy = R"({
  "rules": [
    {"name": "attested devices", "match": {"format": "tpm2", "key_protection": "hardware"},
     "grant": [{"audience": "https://api.example", "scopes": ["read", "write"], "longest_life_seconds": 300},
               {"audience": "https://short.example", "scopes": ["read"], "longest_life_seconds": 4}],
     "default_audience": "https://api.example"},
    {"name": "their session keys", "match": {"format": "tpm2", "key_protection": "session"},
     "grant": [{"audience": "https://api.example", "scopes": ["read", "write"]}],
     "default_audience": "https://api.example"}
  ]
})";

// Whoever should take its status may take its time: what is left of it until then is not alive.
bool is_alive(const std::string& pid_file) {
  const auto text = read_file(pid_file);
  if (!text || text->empty()) return false;
  const auto facts = read_file("/proc/" + std::to_string(std::stoi(*text)) + "/stat");
  return facts && facts->find(") Z") == std::string::npos;
}

/// A program that runs beside the test, and its output.
class Beside {
 public:
  Beside(std::string name, const std::string& command)
      : base_(Stack::instance().directory() + "/" + std::move(name)) {
    const std::string script = "NODE_EXTRA_CA_CERTS=\"" + Stack::instance()["MINT_CA"] +
                               "\" setsid " + command + " </dev/null >\"" + base_ + ".out\" 2>\"" +
                               base_ + ".log\" & echo $! >\"" + base_ + ".pid\"";
    const auto started = execute({"bash", "-c", script});
    EXPECT_EQ(started.status, 0) << started.output;
  }
  ~Beside() { end(SIGKILL); }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  void end(int number) {
    if (!is_alive(base_ + ".pid")) return;
    kill(pid(), number);
    await("the program to end", [this] { return !is_alive(base_ + ".pid"); });
  }
  void tell(int number) { ASSERT_EQ(kill(pid(), number), 0); }
  [[nodiscard]] int pid() const { return std::stoi(read_file(base_ + ".pid").value()); }
  [[nodiscard]] std::string output() const { return read_file(base_ + ".out").value_or(""); }
  [[nodiscard]] std::string log() const { return read_file(base_ + ".log").value_or(""); }

 private:
  std::string base_;
};

std::string quoted(const std::string& word) { return "'" + word + "'"; }

/// A service and its URL.
class JudgingService {
 public:
  explicit JudgingService(const std::string& name, const std::string& nonce = "")
      : program_(name, MINTMARK_JUDGES "/run service.mjs " +
                           quoted(Stack::instance().directory() + "/tls/server.pem") + " " +
                           quoted(Stack::instance().directory() + "/tls/server.key") + " " +
                           Stack::instance()["MINT_ISSUER"] + " https://api.example " + nonce) {
    await("the service", [this] { return program_.output().ends_with('\n'); });
    url_ = program_.output();
    url_.pop_back();
  }
  void tell(int number) { program_.tell(number); }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::string host() const { return url_.substr(url_.find("//") + 2); }

 private:
  Beside program_;
  std::string url_;
};

struct Answer {
  int status = 0;
  std::string headers;
  std::string body;
  [[nodiscard]] Json json() const { return Json::parse(body); }
  [[nodiscard]] std::string code() const {
    const auto read = parse_json(body);
    return read ? read->value("code", "") : body;
  }
};

class AgentServe : public ::testing::Test {
 protected:
  static constexpr const char* other_user = "33";

  static void SetUpTestSuite() {
    Stack& stack = Stack::instance();
    std::ofstream(stack.directory() + "/policy.json") << policy;
    const auto reloaded =
        execute({stack["MINT_BIN"] + "/mintctl", "--admin", stack["MINT_ADMIN"], "reload"});
    ASSERT_EQ(reloaded.status, 0) << reloaded.output;
    service = std::make_unique<JudgingService>("service");
    with_nonces =
        std::make_unique<JudgingService>("service-with-nonces", "the-nonce-of-the-service");
  }
  static void TearDownTestSuite() {
    with_nonces.reset();
    service.reset();
  }
  void SetUp() override {
    std::filesystem::create_directories(place());
    chmod(place().c_str(), 0755);
  }
  void TearDown() override {
    if (agent && HasFailure()) std::fprintf(stderr, "%s\n", agent->log().c_str());
  }

  [[nodiscard]] std::string place() const { return stack.directory() + "/serve"; }
  [[nodiscard]] std::string socket() const { return place() + "/agent.sock"; }
  [[nodiscard]] static std::string own() { return std::to_string(geteuid()); }

  [[nodiscard]] Json settings() const {
    return {{"socket", {{"path", socket()}, {"mode", "0666"}}},
            {"destinations",
             {{{"url", service->url()}, {"audience", "https://api.example"}},
              {{"url", with_nonces->url()}, {"audience", "https://api.example"}},
              {{"url", "https://nobody.example"}, {"audience", "https://short.example"}}}},
            {"users",
             {{{"user", own()},
               {"grants",
                {{{"audience", "https://api.example"}, {"scopes", {"read", "write"}}},
                 {{"audience", "https://short.example"}, {"scopes", {"read"}}}}}},
              {{"user", other_user},
               {"grants",
                {{{"audience", "https://api.example"},
                  {"scopes", {"read"}},
                  {"destinations", {service->url()}}}}}}}},
            {"limits", {{"hardware_ms", 1500}, {"body_octets", 1000}}}};
  }
  void write(const Json& document) const {
    std::ofstream(place() + "/agent.json") << "// Who may have what.\n" << document.dump(2);
  }
  void start(const std::string& more = "") {
    agent.reset();
    agent = std::make_unique<Beside>("agent-serve",
                                     stack["MINT_BIN"] + "/mint-agent --state " +
                                         quoted(stack["MINT_AGENT_STATE"]) + " serve --config " +
                                         quoted(place() + "/agent.json") + " " + more);
    await("the agent", [this] { return ask({"http://localhost/healthz"}).status == 200; });
  }
  void start_with(const Json& document, const std::string& more = "") {
    write(document);
    start(more);
  }

  /// curl at the socket, as whoever `prefix` makes it.
  [[nodiscard]] Answer ask_as(std::vector<std::string> prefix,
                              const std::vector<std::string>& arguments) const {
    prefix.insert(prefix.end(), {"curl", "--silent", "--show-error", "--include", "--unix-socket",
                                 socket(), "--max-time", "20"});
    prefix.insert(prefix.end(), arguments.begin(), arguments.end());
    const auto done = execute(prefix);
    Answer answer;
    const auto end = done.output.find("\r\n\r\n");
    if (done.status != 0 || end == std::string::npos) return {0, "", done.output};
    answer.headers = done.output.substr(0, end + 2);
    answer.body = done.output.substr(end + 4);
    answer.status = std::stoi(answer.headers.substr(9, 3));
    return answer;
  }
  [[nodiscard]] Answer ask(const std::vector<std::string>& arguments) const {
    return ask_as({}, arguments);
  }
  [[nodiscard]] Answer ask_as_another(const std::vector<std::string>& arguments) const {
    return ask_as({"setpriv", std::string("--reuid=") + other_user,
                   std::string("--regid=") + other_user, "--clear-groups"},
                  arguments);
  }
  [[nodiscard]] Answer call() const { return ask({"http://" + service->host() + "/things"}); }
  std::string token(const std::string& audience = "https://api.example") const {
    const auto answer = ask({"http://localhost/token?audience=" + audience});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.status == 200 ? answer.json()["access_token"].get<std::string>() : "";
  }
  [[nodiscard]] Answer proof(const std::string& access_token, const std::string& url) const {
    return ask({"--data", proof_request(access_token, url), "http://localhost/proof"});
  }
  [[nodiscard]] static std::string proof_request(const std::string& access_token,
                                                 const std::string& url) {
    return Json{{"method", "GET"}, {"url", url}, {"access_token", access_token}}.dump();
  }
  [[nodiscard]] Json grant_of(const std::string& audience) const {
    const Json status = ask({"http://localhost/status"}).json();
    for (const Json& grant : status["grants"]) {
      if (grant["audience"] == audience) return grant;
    }
    return {};
  }
  /// All files, and what stands in them: but for what changes with each token by its nature.
  [[nodiscard]] static std::map<std::string, std::string> files_below(
      const std::vector<std::string>& directories) {
    std::map<std::string, std::string> files;
    for (const std::string& directory : directories) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (!entry.is_regular_file()) continue;
        const bool is_nonce = entry.path().filename().string().find("nonce") != std::string::npos;
        files[entry.path()] = is_nonce ? "" : read_file(entry.path()).value_or("");
      }
    }
    return files;
  }

  Stack& stack = Stack::instance();
  std::unique_ptr<Beside> agent;
  inline static std::unique_ptr<JudgingService> service;
  inline static std::unique_ptr<JudgingService> with_nonces;
};

TEST_F(AgentServe, CarriesRequestsToAServiceThatJudgesTokenAndProof) {
  start_with(settings());
  const auto got = call();
  ASSERT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(got.json()["scope"], "read write");
  EXPECT_EQ(got.json()["method"], "GET");
  const auto posted =
      ask({"--data", "a thing", "--header",
           "Authorization: Basic bm8=", "http://" + service->host() + "/things?a=b"});
  ASSERT_EQ(posted.status, 200) << posted.body;
  EXPECT_EQ(posted.json()["method"], "POST");
}

TEST_F(AgentServe, GivesATokenAndAProofToProgramsThatCallThemselves) {
  start_with(settings());
  const std::string given = token();
  const auto proven = proof(given, service->url() + "/things");
  ASSERT_EQ(proven.status, 200) << proven.body;
  const std::string made = proven.json()["proof"];
  const auto called = stack.curl({"--header", "Authorization: DPoP " + given, "--header",
                                  "DPoP: " + made, service->url() + "/things"});
  EXPECT_NE(called.output.find("\"caller\""), std::string::npos) << called.output;
}

TEST_F(AgentServe, AnswersTheNonceOfAService) {
  start_with(settings());
  for (int i = 0; i < 2; ++i) {
    const auto got = ask({"http://" + with_nonces->host() + "/things"});
    EXPECT_EQ(got.status, 200) << got.body;
    EXPECT_EQ(got.headers.find("DPoP-Nonce"), std::string::npos) << got.headers;
  }
}

TEST_F(AgentServe, GivesAnotherUserWhatIsGrantedToItAndNothingElse) {
  if (geteuid() != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "CI must be able to be another user";
    GTEST_SKIP() << "only root can be another user";
  }
  start_with(settings());
  const auto got = ask_as_another({"http://" + service->host() + "/things"});
  ASSERT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(got.json()["scope"], "read");

  const std::string of_root = token();
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{"http://localhost/token?scope=write"}, "agent_scope_refused"},
      {{"http://localhost/token?audience=https://short.example"}, "agent_audience_refused"},
      {{"http://" + with_nonces->host() + "/"}, "agent_destination_refused"},
      {{"http://nobody.example/"}, "agent_destination_refused"},
      {{"--data", proof_request(of_root, service->url() + "/"), "http://localhost/proof"},
       "agent_user_refused"}};
  for (const auto& [arguments, code] : refused) {
    const auto answer = ask_as_another(arguments);
    EXPECT_EQ(answer.status, 403) << arguments.back() << answer.body;
    EXPECT_EQ(answer.code(), code) << arguments.back();
  }
}

TEST_F(AgentServe, RefusesUsersWhomNoRuleNamesRootIncluded) {
  Json document = settings();
  document["users"] = {document["users"][1]};
  start_with(document);
  for (const char* url : {"http://localhost/token", "http://localhost/status", "http://localhost/x",
                          "http://elsewhere.example/"}) {
    const auto answer = ask({url});
    EXPECT_EQ(answer.status, 403) << url;
    EXPECT_EQ(answer.code(), "agent_user_refused") << url;
  }
  EXPECT_EQ(call().code(), "agent_user_refused");
}

TEST_F(AgentServe, RefusesEachThingByItsName) {
  start_with(settings());
  const std::string given = token();
  const std::string issuer = stack["MINT_ISSUER"];
  const std::vector<std::tuple<std::vector<std::string>, int, std::string>> refused = {
      {{"http://localhost/token"}, 403, "agent_audience_refused"},
      {{"http://localhost/token?audience=https://other.example"}, 403, "agent_audience_refused"},
      {{"http://localhost/token?audience=https://api.example&scope=admin"},
       403,
       "agent_scope_refused"},
      {{"http://localhost/token?who=me"}, 400, "agent_request_malformed"},
      {{"http://elsewhere.example/"}, 403, "agent_destination_refused"},
      {{"http://" + issuer.substr(issuer.find("//") + 2) + "/token"},
       403,
       "agent_destination_refused"},
      {{"http://nobody.example/"}, 502, "agent_upstream_failed"},
      {{"--data", "{}", "http://localhost/proof"}, 400, "agent_request_malformed"},
      {{"--data", proof_request("", service->url()), "http://localhost/proof"},
       400,
       "agent_proof_without_token"},
      {{"--data", proof_request("eyJ.another.token", service->url()), "http://localhost/proof"},
       403,
       "agent_user_refused"},
      {{"--data", proof_request(given, issuer + "/token"), "http://localhost/proof"},
       403,
       "agent_destination_refused"},
      {{"--data", proof_request(given, "https://nobody.example/"), "http://localhost/proof"},
       403,
       "agent_destination_refused"},
      {{"--data", std::string(2000, 'x'), "http://" + service->host() + "/"},
       413,
       "http_body_too_large"},
      {{"http://localhost/elsewhere"}, 404, "http_path_unknown"},
      {{"--request", "DELETE", "http://localhost/token"}, 405, "http_method_not_allowed"}};
  for (const auto& [arguments, status, code] : refused) {
    const auto answer = ask(arguments);
    EXPECT_EQ(answer.status, status) << arguments.back() << answer.body;
    EXPECT_EQ(answer.code(), code) << arguments.back();
    EXPECT_NE(answer.headers.find("Mint-Agent-Error: " + code + "\r\n"), std::string::npos)
        << answer.headers;
  }
}

TEST_F(AgentServe, RenewsATokenAheadWithoutBeingAskedAgain) {
  start_with(settings());
  (void)token("https://short.example");
  const Json first = grant_of("https://short.example")["token_expires_at"];
  ASSERT_TRUE(first.is_number());
  await("another token", [&] {
    const Json now = grant_of("https://short.example").value("token_expires_at", Json());
    return now.is_number() && now > first;
  });
}

TEST_F(AgentServe, LeavesNoTokenAndNoKeyOnDisk) {
  const std::string state = stack["MINT_AGENT_STATE"];
  for (const char* more : {"", "--session"}) {
    write(settings());
    start(more);
    // What it keeps of the issuer (the next nonce) and of its own running is there from now on.
    const std::string given = token();
    const auto before = files_below({state, place()});
    ASSERT_EQ(call().status, 200);
    EXPECT_EQ(files_below({state, place()}), before) << more;
    agent->end(SIGTERM);
    for (const auto& [path, text] : files_below({state, place()})) {
      EXPECT_EQ(text.find(given), std::string::npos) << path;
      EXPECT_EQ(text.find(given.substr(given.rfind('.') + 1)), std::string::npos) << path;
      EXPECT_EQ(text.find("PRIVATE KEY"), std::string::npos) << path;
      EXPECT_EQ(text.find("\"d\":"), std::string::npos) << path;
    }
    EXPECT_EQ(agent->log().find(given), std::string::npos);
  }
}

TEST_F(AgentServe, StopsAndStartsAgainAlsoAfterACrash) {
  start_with(settings());
  EXPECT_EQ(call().status, 200);
  agent->end(SIGTERM);
  EXPECT_NE(agent->log().find("\"stopped\""), std::string::npos);
  start();
  EXPECT_EQ(call().status, 200);
  agent->end(SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(socket()));
  start();
  EXPECT_EQ(call().status, 200);
}

TEST_F(AgentServe, FollowsItsConfigurationAtSighupAndKeepsTheOldOneWhereTheNewIsWrong) {
  start_with(settings());
  ASSERT_EQ(call().status, 200);
  std::ofstream(place() + "/agent.json") << "{ \"socket\": 7 }";
  agent->tell(SIGHUP);
  await("the refusal in the log",
        [&] { return agent->log().find("\"not_reloaded\"") != std::string::npos; });
  EXPECT_NE(agent->log().find("agent.json:1"), std::string::npos);
  EXPECT_EQ(call().status, 200);

  Json less = settings();
  less["destinations"].erase(0);
  less["users"].erase(1);
  write(less);
  agent->tell(SIGHUP);
  await("the new configuration", [&] { return call().status == 403; });
  EXPECT_EQ(call().code(), "agent_destination_refused");
}

TEST_F(AgentServe, ShedsWhileTheTpmHangsAndGoesOnAfterwards) {
  start_with(settings());
  const std::string given = token();
  ASSERT_EQ(call().status, 200);
  const int tpm = std::stoi(read_file(stack.directory() + "/tpm/swtpm.pid").value());
  ASSERT_EQ(kill(tpm, SIGSTOP), 0);
  const auto hung = call();
  const auto proven = proof(given, service->url() + "/");
  const auto alive = ask({"http://localhost/status"});
  ASSERT_EQ(kill(tpm, SIGCONT), 0);
  for (const Answer& answer : {hung, proven}) {
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_NE(answer.headers.find("Retry-After: "), std::string::npos) << answer.headers;
  }
  EXPECT_EQ(alive.status, 200);
  await("the TPM", [&] { return call().status == 200; });
}

TEST_F(AgentServe, EndsWhileTheTpmHangs) {
  start_with(settings());
  ASSERT_EQ(call().status, 200);
  const int tpm = std::stoi(read_file(stack.directory() + "/tpm/swtpm.pid").value());
  ASSERT_EQ(kill(tpm, SIGSTOP), 0);
  // Whoever waited is gone; the thread that owns the TPM is inside its call.
  EXPECT_EQ(call().status, 503);
  agent->end(SIGTERM);
  ASSERT_EQ(kill(tpm, SIGCONT), 0);
  EXPECT_NE(agent->log().find("\"stopped\""), std::string::npos);
}

TEST_F(AgentServe, ServesOthersWhileOneUsersServiceIsSlow) {
  if (geteuid() != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "CI must be able to be another user";
    GTEST_SKIP() << "only root can be another user";
  }
  Json document = settings();
  document["limits"]["threads"] = 2;
  start_with(document, "--session");
  ASSERT_EQ(call().status, 200);
  const std::string given = token();
  service->tell(SIGSTOP);
  std::vector<std::future<Answer>> slow;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(std::async(std::launch::async, [&] {
      return ask_as_another({"http://" + service->host() + "/things"});
    }));
  }
  const auto proven = proof(given, service->url() + "/");
  const auto other = ask({"http://" + with_nonces->host() + "/things"});
  service->tell(SIGCONT);
  EXPECT_EQ(proven.status, 200) << proven.body;
  EXPECT_EQ(other.status, 200) << other.body;
  for (auto& one : slow) (void)one.get();
}

TEST_F(AgentServe, AppliesTheLogsLevelAndSaysWhichLimitsWaitForARestart) {
  start_with(settings());
  ASSERT_EQ(call().status, 200);
  Json document = settings();
  document["limits"]["threads"] = 3;
  document["log"] = {{"level", "error"}};
  write(document);
  agent->tell(SIGHUP);
  await("the limits in the log",
        [&] { return agent->log().find("\"limits_stay_until_restart\"") != std::string::npos; });
  await("a request that is not logged", [&] {
    const std::string before = agent->log();
    return ask({"http://localhost/healthz"}).status == 200 && agent->log() == before;
  });
}

TEST_F(AgentServe, WithSessionKeysCallsOnWhileTheTpmHangs) {
  start_with(settings(), "--session");
  ASSERT_EQ(call().status, 200);
  const int tpm = std::stoi(read_file(stack.directory() + "/tpm/swtpm.pid").value());
  ASSERT_EQ(kill(tpm, SIGSTOP), 0);
  const auto during = call();
  ASSERT_EQ(kill(tpm, SIGCONT), 0);
  EXPECT_EQ(during.status, 200) << during.body;
}

TEST_F(AgentServe, WithSessionKeysIsRefusedWhereHardwareIsAskedFor) {
  start_with(settings(), "--session");
  const std::string url = service->url() + "/things";
  const std::string given = token();
  const std::vector<std::pair<std::string, int>> asked = {{"hardware", 1}, {"session", 0}};
  for (const auto& [protection, status] : asked) {
    const auto proven = proof(given, url);
    ASSERT_EQ(proven.status, 200) << proven.body;
    const auto judged = stack.gate({"--audience", "https://api.example", "--token", given,
                                    "--proof", proven.json()["proof"], "--method", "GET", "--url",
                                    url, "--key-protection", protection, "--json"});
    EXPECT_EQ(judged.status, status) << judged.output;
    const bool named = judged.output.find("token_key_protection") != std::string::npos;
    EXPECT_EQ(named, status != 0) << judged.output;
  }
  // The issuer's rules ask for hardware too: this audience is for no session key.
  const auto refused = ask({"http://localhost/token?audience=https://short.example"});
  EXPECT_EQ(refused.status, 502) << refused.body;
  EXPECT_EQ(refused.code(), "policy_audience");
}

TEST_F(AgentServe, HasACallWithASessionKeyOfItsOwn) {
  const auto called = stack.agent({"curl", "--session", "--audience", "https://api.example",
                                   "--scope", "read", service->url() + "/things"});
  EXPECT_EQ(called.status, 0) << called.output;
  EXPECT_NE(called.output.find("\"scope\":\"read\""), std::string::npos) << called.output;
}

TEST_F(AgentServe, SaysWhatIsWrongWithItsConfigurationBeforeItServes) {
  const auto serve = [&](std::vector<std::string> more) {
    more.insert(more.begin(), "serve");
    return stack.agent(more);
  };
  write(settings());
  EXPECT_EQ(serve({"--config", place() + "/agent.json", "--check-config"}).status, 0);
  Json wrong = settings();
  wrong["users"][0]["grants"][0]["scope"] = "read";
  write(wrong);
  const auto refused = serve({"--config", place() + "/agent.json"});
  EXPECT_EQ(refused.status, 2) << refused.output;
  EXPECT_NE(refused.output.find("agent.json:"), std::string::npos) << refused.output;

  Json to_issuer = settings();
  to_issuer["destinations"].push_back(
      {{"url", stack["MINT_ISSUER"]}, {"audience", "https://api.example"}});
  write(to_issuer);
  EXPECT_EQ(serve({"--config", place() + "/agent.json"}).status, 2);
  EXPECT_EQ(serve({"--config", "/no/such/file"}).status, 2);
  EXPECT_EQ(serve({}).status, 2);
  EXPECT_EQ(serve({"--config", "x", "--socket", "y"}).status, 2);
  EXPECT_EQ(serve({"--socket", place() + "/a.sock", "--audience", "a"}).status, 2);
}

// docs/agent.md does what it says: all its commands, in order, in one shell.
TEST_F(AgentServe, DoesWhatItsPageSays) {
  const std::string call = R"(\{"caller":"[\w-]+","scope":"[a-z ]+","method":"[A-Z]+"\}\n)";
  const std::vector<std::string> expected = {
      "",
      R"(agent.json: configuration is good\n)",
      R"(\{"status":"ok"\}\n)",
      call + call,
      call,
      R"(\{"attestation":\{"expires_at":\d+\},"client_id":.*"token_expires_at":\d+\}\].*\n)",
      R"(\{"error":"access_denied",.*"code":"agent_scope_refused"\}\{"error":"access_denied",.*"code":"agent_destination_refused"\})",
      "",
      call + R"(taken\n)"};
  const TemporaryDirectory directory;
  std::ofstream script(directory.path() / "script");
  script << "set -euo pipefail\nexport NODE_EXTRA_CA_CERTS\n";
  std::size_t number = 0;
  for (const auto& [language, text] : blocks_in(MINTMARK_SOURCE "/docs/agent.md")) {
    EXPECT_EQ(language, "sh");
    script << "echo '== " << number++ << " =='\n" << text;
  }
  script << "echo '== " << number << " =='\n";
  script.close();
  ASSERT_EQ(number, expected.size()) << "say here what the new block should print";
  const auto done =
      execute({"env", "--chdir=" + directory.path().string(), "STACK=" + stack.directory(),
               "SERVICE=" + service->url(), "bash", (directory.path() / "script").string()});
  ASSERT_EQ(done.status, 0) << done.output;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::string mark = "== " + std::to_string(i) + " ==\n";
    const auto begin = done.output.find(mark) + mark.size();
    const auto end = done.output.find("== " + std::to_string(i + 1) + " ==", begin);
    const std::string printed = done.output.substr(begin, end - begin);
    EXPECT_TRUE(std::regex_match(printed, std::regex(expected[i]))) << i << " printed\n" << printed;
  }
}

}  // namespace
}  // namespace mintmark::test
