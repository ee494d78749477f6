// Faults of the module below a whole mintd: what operators and clients see of them, that nothing
// else notices, and that tokens flow again within 2 s of the end.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "asking.h"
#include "operating.h"

namespace mintmark::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class StackFaults : public Operating {
 protected:
  static void SetUpTestSuite() {
    Operating::SetUpTestSuite();
    put_shim_in_front();
  }
  void SetUp() override {
    fail("");
    stack.wait_until_ready();
    if (client_id_.empty()) add_client();
    ASSERT_EQ(status_of(token()), 200);
  }
  void TearDown() override { fail(""); }

  /// The faults from now on, as the shim's script has them.
  void fail(const std::string& script) const {
    std::ofstream(shim("script.new")) << script;
    std::filesystem::rename(shim("script.new"), shim("script"));
  }
  [[nodiscard]] std::size_t calls(const std::string& function) const {
    std::ifstream log(shim("calls"));
    std::size_t count = 0;
    for (std::string line; std::getline(log, line);) count += line == function ? 1 : 0;
    return count;
  }

  /// The whole answer, head included.
  [[nodiscard]] std::string token() const { return ask_by_assertion(stack, key_, client_id_); }
  static void expect_come_back_later(const std::string& answer) {
    EXPECT_EQ(status_of(answer), 503) << answer;
    EXPECT_NE(answer.find("Retry-After: "), std::string::npos) << answer;
    EXPECT_NE(answer.find("temporarily_unavailable"), std::string::npos) << answer;
  }
  /// From now on, with what asking takes: how long it was.
  std::chrono::milliseconds expect_tokens_within_2_seconds() const {
    const auto began = Clock::now();
    std::string answer = token();
    while (status_of(answer) != 200 && Clock::now() - began < 30s) answer = token();
    const auto took = Clock::now() - began;
    EXPECT_EQ(status_of(answer), 200) << answer;
    EXPECT_LE(took, 2s);
    return std::chrono::duration_cast<std::chrono::milliseconds>(took);
  }
  [[nodiscard]] Json signer() const { return stack.control({"status"})["signers"][0]; }
  void await_state(const std::string& state) const {
    await("state \"" + state + "\"", [&] { return signer()["state"] == state; });
  }
  [[nodiscard]] std::string log_after(std::size_t length) const { return log().substr(length); }
  void expect_logged(std::size_t after, const std::string& text) const {
    EXPECT_NE(log_after(after).find(text), std::string::npos) << log_after(after);
  }
  void await_logged(std::size_t after, const std::string& text) const {
    await(text + " in the log", [&] { return log_after(after).find(text) != std::string::npos; });
  }
  /// A signer that hangs where nobody may kill it, below a mintd that has no lease any more and
  /// answers no operator.
  struct Hung {
    int keeper;
    int signer;
  };
  [[nodiscard]] Hung lose_the_lease_beside_a_hung_signer() const {
    const std::size_t before = log().size();
    fail("C_Login hang 0 once");
    EXPECT_EQ(kill(stack.signer_pid(), SIGKILL), 0);
    await_state("hung while it writes the token; left to end");
    const Hung pids{stack.keeper_pid(), stack.signer_pid()};
    EXPECT_TRUE(std::filesystem::remove(file("state/keeper/lease")));
    await_logged(before, "\"lease_lost\"");
    return pids;
  }
  /// What needs no key is served all the time.
  void expect_the_rest_answers() const {
    for (const char* path : {"/healthz", "/.well-known/jwks.json"}) {
      EXPECT_EQ(stack
                    .curl({"--fail", "--max-time", "1", "--output", "/dev/null",
                           stack["MINT_ISSUER"] + path})
                    .status,
                0)
          << path;
    }
  }
  static bool lives(int pid) { return kill(pid, 0) == 0; }

 private:
  [[nodiscard]] std::string shim(const std::string& name) const { return file("shim/" + name); }

  static void put_shim_in_front() {
    Stack& stack = Stack::instance();
    const std::string folder = stack.directory() + "/shim";
    if (std::filesystem::exists(folder)) return;
    std::filesystem::create_directory(folder);
    // The signer's user writes the log and the marks.
    std::filesystem::permissions(folder, std::filesystem::perms::all);
    std::ofstream(folder + "/script") << "";
    replace_in(stack, "mintd.json", "\"module\": \"" + stack["PKCS11_MODULE"] + "\"",
               "\"start_up_ms\": 1000, \"call_deadline_ms\": 1000, \"module\": \"" +
                   std::string(MINTMARK_PKCS11_SHIM) + "\"");
    replace_in(stack, "mintd.json", "\"environment\": {",
               "\"environment\": {\"MINTMARK_SHIM_MODULE\": \"" + stack["PKCS11_MODULE"] +
                   "\", \"MINTMARK_SHIM_SCRIPT\": \"" + folder +
                   "/script\", \"MINTMARK_SHIM_LOG\": \"" + folder + "/calls\", ");
    replace_in(stack, "policy.json", "\"rules\": [", std::string("\"rules\": [") + software_rule);
    stack.down();
    stack.up();
  }
  static void replace_in(const Stack& stack, const std::string& name, const std::string& from,
                         const std::string& to) {
    const std::string path = stack.directory() + "/" + name;
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    std::string content = text.str();
    const auto at = content.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    std::ofstream(path, std::ios::trunc) << content.replace(at, from.size(), to);
  }
  void add_client() {
    std::ofstream(file("client.jwk")) << key_.public_key().to_jwk().dump();
    client_id_ = stack.control({"devices", "add", "--jwk", file("client.jwk")})["client_id"];
  }

  static inline const SoftKey key_{jose::Algorithm::es256};
  static inline std::string client_id_;
};

TEST_F(StackFaults, ASignerThatHangsIsReplaced) {
  const int pid = stack.signer_pid();
  const std::size_t before = log().size();
  fail("C_Sign hang 0 once");
  expect_come_back_later(token());
  expect_the_rest_answers();
  await("another signer", [&] { return signer()["pid"] != pid && signer()["state"] == "ready"; });
  expect_tokens_within_2_seconds();
  EXPECT_FALSE(lives(pid));
  expect_logged(before, "\"hsm_hung\"");
  await("the figure", [&] { return figure(R"(mintmark_signer_hung_total{store="main"})") >= 1; });
}

TEST_F(StackFaults, HangsThatLastEndWithinTwoSecondsOfTheirEnd) {
  fail("C_SignInit hang");
  for (int i = 0; i < 3; ++i) expect_come_back_later(token());
  expect_the_rest_answers();
  fail("");
  expect_tokens_within_2_seconds();
}

TEST_F(StackFaults, ASignerThatCrashesIsReplaced) {
  const int pid = stack.signer_pid();
  fail("C_Sign crash 0 once");
  expect_come_back_later(token());
  expect_tokens_within_2_seconds();
  EXPECT_NE(stack.signer_pid(), pid);
}

TEST_F(StackFaults, CrashesThatLastEndWithinTwoSecondsOfTheirEnd) {
  fail("C_Sign crash");
  const auto until = Clock::now() + 3s;
  while (Clock::now() < until) expect_come_back_later(token());
  fail("");
  expect_tokens_within_2_seconds();
}

TEST_F(StackFaults, ASignerThatIsStoppedIsReplaced) {
  const int pid = stack.signer_pid();
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  await("another signer", [&] { return signer()["pid"] != pid && signer()["state"] == "ready"; });
  expect_tokens_within_2_seconds();
  EXPECT_FALSE(lives(pid));
}

// A kill inside C_Login can cost SoftHSM its token.
TEST_F(StackFaults, ASignerThatHangsInALoginIsLeftToEnd) {
  const std::size_t before = log().size();
  fail("C_Login hang");
  ASSERT_EQ(kill(stack.signer_pid(), SIGKILL), 0);
  await_state("hung while it writes the token; left to end");
  const int pid = stack.signer_pid();
  expect_come_back_later(token());
  EXPECT_TRUE(lives(pid));
  EXPECT_EQ(stack.signer_pid(), pid) << "no second one beside it";
  expect_logged(before, "\"hsm_write_hung\"");
  await("the figure", [&] { return figure(R"(mintmark_signer_left_alone{store="main"})") == 1; });
  fail("");
  expect_tokens_within_2_seconds();
}

TEST_F(StackFaults, ALeaseLostMeanwhileIsTakenAnewAndTheHungOneLeftBehind) {
  const std::size_t before = log().size();
  const int pid = lose_the_lease_beside_a_hung_signer().signer;
  EXPECT_NE(mintctl({"status"}).status, 0) << "operators change nothing meanwhile";
  await_logged(before, "\"starting_anew\"");
  expect_logged(before, "\"children_left_behind\"");
  stack.wait_until_ready();
  EXPECT_TRUE(lives(pid));
  EXPECT_NE(stack.signer_pid(), pid);
  expect_tokens_within_2_seconds();
  fail("");
  await("the one left behind to end and to be waited for", [&] { return !lives(pid); });
  expect_logged(before, "\"child_left_behind_ended\"");
}

TEST_F(StackFaults, AMintdThatIsToldToStopBesideAHungSignerWhileItsLeaseIsLostDoesNotBeginAnew) {
  const std::size_t before = log().size();
  ASSERT_EQ(kill(lose_the_lease_beside_a_hung_signer().keeper, SIGTERM), 0);
  await_logged(before, "\"stopped\"");
  EXPECT_EQ(log_after(before).find("\"starting_anew\""), std::string::npos);
  fail("");
  stack.down();
  stack.up();
  expect_tokens_within_2_seconds();
}

struct LastingFault {
  const char* name;
  const char* rv;
};

// 3 s are long enough for every remedy to have been tried, the end of the process too. The faults
// of the PIN have tests of their own.
TEST_F(StackFaults, OfTheWholeModuleEndWithinTwoSecondsOfTheirEnd) {
  for (const LastingFault& fault :
       {LastingFault{"SESSION_HANDLE_INVALID", "0xB3"}, LastingFault{"SESSION_CLOSED", "0xB0"},
        LastingFault{"DEVICE_REMOVED", "0x32"}, LastingFault{"DEVICE_ERROR", "0x30"},
        LastingFault{"TOKEN_NOT_PRESENT", "0xE0"}, LastingFault{"USER_NOT_LOGGED_IN", "0x101"},
        LastingFault{"USER_ALREADY_LOGGED_IN", "0x100"},
        LastingFault{"OBJECT_HANDLE_INVALID", "0x82"}, LastingFault{"KEY_HANDLE_INVALID", "0x60"},
        LastingFault{"CRYPTOKI_NOT_INITIALIZED", "0x190"}, LastingFault{"SESSION_COUNT", "0xB1"},
        LastingFault{"HOST_MEMORY", "0x2"}, LastingFault{"FUNCTION_FAILED", "0x6"},
        LastingFault{"OPERATION_ACTIVE", "0x90"}}) {
    SCOPED_TRACE(fault.name);
    std::string script;
    for (const char* function :
         {"C_SignInit", "C_Sign", "C_OpenSession", "C_FindObjectsInit", "C_GetTokenInfo"})
      script += std::string(function) + " return " + fault.rv + "\n";
    fail(script);
    const auto until = Clock::now() + 3s;
    while (Clock::now() < until) expect_come_back_later(token());
    expect_the_rest_answers();
    fail("");
    RecordProperty(fault.name, std::to_string(expect_tokens_within_2_seconds().count()) + " ms");
  }
}

TEST_F(StackFaults, OpenTheBreakerWhichIsShownAndClosesWithTheFirstSignature) {
  const auto ready = [&] {
    return stack.curl({"--include", stack["MINT_ISSUER"] + "/readyz"}).output;
  };
  const std::string open = R"(mintmark_signer_breaker_open{store="main"})";
  EXPECT_EQ(figure(open), 0);
  const std::size_t before = log().size();
  fail("C_SignInit return 0xB1");
  await("the breaker to open", [&] {
    expect_come_back_later(token());
    return ready().find("breaker: main") != std::string::npos;
  });
  EXPECT_EQ(status_of(ready()), 503);
  EXPECT_EQ(figure(open), 1);
  expect_logged(before, "\"signer_breaker_open\"");
  expect_the_rest_answers();
  fail("");
  expect_tokens_within_2_seconds();
  EXPECT_EQ(status_of(ready()), 200);
  EXPECT_EQ(figure(open), 0);
  expect_logged(before, "\"signer_breaker_closed\"");
}

// ES256, with the mechanism that hashes and with the raw one.
TEST_F(StackFaults, WhatTheModuleLacksIsToldAtStartWithWhatItHas) {
  fail("mechanism hide 0x1044\nmechanism hide 0x1041\n");
  ASSERT_EQ(kill(stack.signer_pid(), SIGKILL), 0);
  await("the refusal", [&] {
    return signer()["trouble"].get<std::string>().find("hsm_mechanism_missing") !=
           std::string::npos;
  });
  const std::string trouble = signer()["trouble"];
  EXPECT_NE(trouble.find("signs ES256; it has "), std::string::npos) << trouble;
  EXPECT_NE(trouble.find("RS256 ("), std::string::npos) << "what it has: " << trouble;
  expect_come_back_later(token());
  fail("");
  expect_tokens_within_2_seconds();
}

TEST_F(StackFaults, AreCountedByTheirName) {
  fail("C_SignInit return 0xB3 once");
  EXPECT_EQ(status_of(token()), 200) << "nobody notices";
  await("the figures", [&] {
    return figure(R"(mintmark_hsm_faults_total{rv="CKR_SESSION_HANDLE_INVALID",store="main"})") >=
               1 &&
           figure(R"(mintmark_hsm_recoveries_total{remedy="new_session",store="main"})") >= 1;
  });
  EXPECT_GE(figure(R"(mintmark_hsm_sessions{store="main"})"), 1);
  EXPECT_GE(figure(R"(mintmark_hsm_logins_total{store="main"})"), 1);
}

class PinFaults : public StackFaults {
 protected:
  void touch_pin() const {
    ASSERT_EQ(utimensat(AT_FDCWD, stack["PKCS11_PIN_FILE"].c_str(), nullptr, 0), 0);
  }
  void restart_mintd() const {
    const int keeper = stack.keeper_pid();
    ASSERT_EQ(kill(keeper, SIGKILL), 0);
    await("mintd to end", [&] { return !lives(keeper); });
    const auto started = execute(
        {"bash", "-c",
         "setsid \"$1/mintd\" --config \"$2\" </dev/null >>\"$3\" 2>&1 & echo $! >\"$4\"", "bash",
         stack["MINT_BIN"], stack["MINT_CONFIG"], file("mintd.log"), file("mintd.pid")});
    ASSERT_EQ(started.status, 0);
    await("mintd to answer", [&] { return mintctl({"status"}).status == 0; });
  }
};

// Refused once: neither new signers nor new keepers offer it again.
TEST_F(PinFaults, ARefusedPinIsOfferedOnceWhateverIsStartedAgain) {
  for (const char* how : {"return 0xA0", "after 0xA0", "return 0xA4"}) {
    SCOPED_TRACE(how);
    const std::size_t before = calls("C_Login");
    fail(std::string("C_Login ") + how);
    ASSERT_EQ(kill(stack.signer_pid(), SIGKILL), 0);
    await_state("PIN refused");
    EXPECT_EQ(calls("C_Login") - before, 1U);
    restart_mintd();
    await_state("PIN refused");
    restart_mintd();
    await_state("PIN refused");
    EXPECT_EQ(calls("C_Login") - before, 1U);
    // Proofs of the second in which it started are refused for that.
    await("a refusal for the hardware's sake", [&] { return status_of(token()) != 400; });
    expect_come_back_later(token());
    fail("");
    touch_pin();
    expect_tokens_within_2_seconds();
  }
}

// Nobody knows how the token counts a try that was never answered.
TEST_F(PinFaults, APinThatIsNeverAnsweredIsOfferedTwice) {
  const std::size_t before = calls("C_Login");
  fail("C_Login crash");
  ASSERT_EQ(kill(stack.signer_pid(), SIGKILL), 0);
  await_state("PIN refused");
  EXPECT_EQ(calls("C_Login") - before, 2U);
  restart_mintd();
  await_state("PIN refused");
  EXPECT_EQ(calls("C_Login") - before, 2U);
  fail("");
  touch_pin();
  expect_tokens_within_2_seconds();
}

}  // namespace
}  // namespace mintmark::test
