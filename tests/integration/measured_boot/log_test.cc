// The log that comes with the quote: missing, cut, about another boot.
#include <filesystem>

#include "base/file.h"
#include "booting.h"

namespace mintmark::test {
namespace {

class LogOfABoot : public Booting {
 protected:
  void put_log(const std::string& octets) const {
    ASSERT_TRUE(write_file_atomically(machine().log(), octets));
  }
  [[nodiscard]] std::string log() const { return read_file(machine().log()).value(); }
  [[nodiscard]] Outcome attest() const { return stack.agent({"attest"}); }
  /// It is told as what may pass at another try; the evidence from before goes on.
  void expect_replay_fails() const {
    const auto refused = attest();
    EXPECT_NE(refused.status, 0);
    EXPECT_NE(refused.output.find("eventlog_replay"), std::string::npos) << refused.output;
    EXPECT_EQ(agent_status()["failure"]["code"], "eventlog_replay");
    EXPECT_EQ(booted()["last"]["record"]["log_problem"]["code"], "eventlog_replay");
    EXPECT_EQ(booted()["last"]["outcome"], "refused");
  }
};

TEST_F(LogOfABoot, ThatLeavesTheBootLoaderOutIsRefused) {
  require("enforce", {{"event_log", true}});
  reboot({.loader_left_out = true});
  expect_replay_fails();
}

TEST_F(LogOfABoot, OfAnotherBootIsRefused) {
  require("enforce", {{"event_log", true}});
  const std::string former = log();
  reboot({.loader = "shim 15.9"});
  put_log(former);
  expect_replay_fails();
}

TEST_F(LogOfABoot, ThatIsCutIsRefused) {
  require("enforce", {{"event_log", true}});
  reboot();
  put_log(log().substr(0, log().size() - 7));
  expect_refused("boot_refused");
  EXPECT_EQ(booted()["last"]["record"]["log_problem"]["code"], "eventlog_malformed");
}

TEST_F(LogOfABoot, ThatIsMissingIsRefusedWhereARuleWantsIt) {
  require("enforce", {{"event_log", true}});
  reboot();
  std::filesystem::remove(machine().log());
  expect_refused("boot_refused");
  const auto again = attest();
  EXPECT_EQ(again.status, 1);
  EXPECT_NE(again.output.find("boot_refused"), std::string::npos) << again.output;
}

TEST_F(LogOfABoot, ThatIsMissingPassesWhereNoRuleWantsIt) {
  reboot();
  std::filesystem::remove(machine().log());
  const auto attested = attest();
  EXPECT_EQ(attested.status, 0) << attested.output;
  EXPECT_NE(attested.output.find(machine().log().string()), std::string::npos) << attested.output;
  EXPECT_EQ(booted()["last"]["record"]["log_given"], false);
}

TEST_F(LogOfABoot, ThatIsLongerThanTheIssuerTakesIsLeftOut) {
  require("monitor", {{"event_log", true}});
  reboot();
  put_log(log() + std::string(7U << 19U, 'x'));
  const auto attested = attest();
  EXPECT_EQ(attested.status, 0) << attested.output;
  EXPECT_NE(attested.output.find("does not fit into the 4194304 octets"), std::string::npos)
      << attested.output;
  EXPECT_EQ(booted()["last"]["record"]["log_given"], false);
  EXPECT_FALSE(agent_status().contains("refusal"));
  EXPECT_FALSE(agent_status().contains("failure"));
  expect_token();

  require("enforce", {{"event_log", true}});
  const auto refused = attest();
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.output.find("boot_refused"), std::string::npos) << refused.output;
}

TEST_F(LogOfABoot, ThatIsOlderThanTheLastMeasurementIsRefusedUntilItHasIt) {
  require("enforce", {{"event_log", true}});
  reboot();
  machine().extend(9, "a module that no log tells of");
  expect_replay_fails();
  reboot();
  expect_token();
}

}  // namespace
}  // namespace mintmark::test
