// Keeper and signer as they are shipped, with a front that has been taken over in mintd-front's
// place; and the honest one after it.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/file.h"
#include "stack.h"

namespace mintmark::test {
namespace {

struct Attempt {
  std::string kind;
  std::string tried;
  bool refused = false;
  std::string came_of;
};

/// What the program has told so far, behind `from` of the log.
std::vector<Attempt> attempts_in(const std::string& log, std::size_t from) {
  std::vector<Attempt> all;
  std::istringstream lines(log.substr(from));
  for (std::string line; std::getline(lines, line);) {
    const Json told = Json::parse(line, nullptr, false);
    if (!told.is_object() || told.value("event", "") != "attempt") continue;
    all.push_back({told["kind"], told["tried"], told["refused"], told["came_of"]});
  }
  return all;
}

bool granted(const Attempt& attempt) { return attempt.kind.find(", granted") != std::string::npos; }

/// The issuer while somebody else plays the front; once for all tests.
class CompromisedFront : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!attempts_.empty()) return;
    const CompromisedFront operation;
    operation.prepare();
    operation.run();
  }
  void TestBody() override {}

  [[nodiscard]] std::string log() const {
    return read_file(stack.directory() + "/mintd.log", 64U << 20U).value();
  }
  [[nodiscard]] Json keys() const { return stack.control({"keys", "list"}); }

  void enable_results() const {
    const std::string policy = R"("policy": "policy.json",)";
    std::string config = read_file(stack["MINT_CONFIG"]).value();
    const std::size_t at = config.find(policy);
    ASSERT_NE(at, std::string::npos);
    config.insert(at, R"("results": {"enabled": true}, )");
    std::ofstream(stack["MINT_CONFIG"]) << config;
    stack.down();
    stack.up();
    stack.wait_until_ready();
    await("keys of results", [&] { return keys().dump().find("\"result\"") != std::string::npos; });
  }

  void prepare() const {
    // All kinds of keys that a store may have: of results, and for TLS though the front's
    // certificate is of another.
    enable_results();
    (void)stack.control({"keys", "generate", "--purpose", "tls"});
    keys_before_ = keys();
    devices_before_ = stack.control({"devices", "list"});
    stack.down();
    std::filesystem::create_directory(programs());
    std::filesystem::permissions(programs(), std::filesystem::perms(0755));
    for (const char* program : {"mintd", "mintd-signer"})
      std::filesystem::copy_file(stack["MINT_BIN"] + "/" + program, programs() + "/" + program);
    std::filesystem::copy_file(MINTMARK_COMPROMISED_FRONT, programs() + "/mintd-front");
  }

  void run() const {
    const std::size_t from = log().size();
    const auto started =
        execute({"bash", "-c",
                 "setsid \"$1/mintd\" --config \"$2\" </dev/null >>\"$3\" 2>&1 & echo $! >\"$4\"",
                 "bash", programs(), stack["MINT_CONFIG"], stack.directory() + "/mintd.log",
                 stack.directory() + "/mintd.pid"});
    ASSERT_EQ(started.status, 0);
    const int keeper = std::stoi(read_file(stack.directory() + "/mintd.pid").value());
    const auto over = [&] {
      return kill(keeper, 0) != 0 || (!attempts_.empty() && attempts_.back().kind == "end");
    };
    while (!over()) {
      const std::size_t before = attempts_.size();
      await("another attempt", [&] {
        attempts_ = attempts_in(log(), from);
        return attempts_.size() > before || over();
      });
    }
    log_ = log().substr(from);
    keeper_lives_ = kill(keeper, 0) == 0;
    if (keeper_lives_) status_ = stack.control({"status"});
    stack.down();
    // Its own directory alone was in its reach.
    std::filesystem::remove(stack.directory() + "/state/front/compromised");
    stack.up();
    stack.wait_until_ready();
  }

  [[nodiscard]] std::string programs() const { return stack.directory() + "/programs"; }

  static inline Json keys_before_;
  static inline Json devices_before_;
  static inline Json status_;
  static inline std::vector<Attempt> attempts_;
  static inline std::string log_;
  static inline bool keeper_lives_ = false;

  Stack& stack = Stack::instance();
};

TEST_F(CompromisedFront, GetsNothingThatItIsNotToHave) {
  for (const Attempt& attempt : attempts_) {
    EXPECT_EQ(attempt.refused, !granted(attempt))
        << attempt.kind << ": " << attempt.tried << ": " << attempt.came_of;
  }
}

TEST_F(CompromisedFront, TriedEverythingToTheEnd) {
  ASSERT_FALSE(attempts_.empty());
  EXPECT_EQ(attempts_.back().kind, "end") << attempts_.back().tried;
  std::map<std::string, int> count;
  for (const Attempt& attempt : attempts_) ++count[attempt.kind];
  // With one user for all there is little to try.
  EXPECT_GT(count["host"], geteuid() == 0 ? 50 : 0);
  for (const char* kind : {"signer", "signing", "keeper", "frames", "signing, granted",
                           "frames, granted", "signer, granted"})
    EXPECT_GT(count[kind], 0) << kind;
}

TEST_F(CompromisedFront, TriedEveryKeyOfTheStore) {
  for (const Json& key : keys_before_["keys"]) {
    const std::string purpose = key["purpose"];
    const auto with_it = std::count_if(attempts_.begin(), attempts_.end(), [&](const auto& one) {
      return one.kind == "signing" && one.tried.rfind(purpose + " key: ", 0) == 0;
    });
    EXPECT_GT(with_it, 10) << purpose;
  }
}

TEST_F(CompromisedFront, EndsNeitherTheKeeperNorTheSigner) {
  ASSERT_TRUE(keeper_lives_);
  EXPECT_EQ(status_["signers"][0]["restarts"], 0);
  EXPECT_EQ(status_["signers"][0]["state"], "ready");
}

TEST_F(CompromisedFront, FillsNoLog) {
  std::istringstream lines(log_);
  std::map<std::string, std::size_t> count;
  for (std::string line; std::getline(lines, line);) {
    const Json told = Json::parse(line, nullptr, false);
    if (told.is_object()) ++count[told.value("event", "") + told.value("child", "")];
  }
  // Of some fifteen that it sends.
  EXPECT_EQ(count["front_message_malformed"], 3U);
  EXPECT_GT(count["front_ready"], 0U);
  EXPECT_LE(count["front_ready"], count["child_startedfront"]) << "once for each that was started";
}

TEST_F(CompromisedFront, SawNoPinAndTellsNone) {
  auto pin = read_file(stack["PKCS11_PIN_FILE"]);
  ASSERT_TRUE(pin);
  while (!pin->empty() && pin->back() == '\n') pin->pop_back();
  ASSERT_GE(pin->size(), 4U);
  EXPECT_EQ(log_.find(*pin), std::string::npos);
}

TEST_F(CompromisedFront, LeavesEveryKeyAndDeviceWhereItWas) {
  EXPECT_EQ(keys(), keys_before_);
  EXPECT_EQ(stack.control({"devices", "list"}), devices_before_);
}

TEST_F(CompromisedFront, IsFollowedByAnHonestOneThatServesTokens) {
  const auto token =
      stack.agent({"token", "--audience", "https://api.example", "--scope", "read write"});
  EXPECT_EQ(token.status, 0) << token.output;
}

}  // namespace
}  // namespace mintmark::test
