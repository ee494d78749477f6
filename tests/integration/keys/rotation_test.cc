// Keys rotated and revoked by an operator, and what verifiers and devices see of it.
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "keys.h"

namespace mintmark::test {
namespace {

TEST_F(Keys, AreListedWithTheirStateAndWhatComesNext) {
  // The stores are ready a moment before the last of their keys is.
  await("a key ahead for each", [&] { return keys({"published"}).size() == 8; });
  const auto active = keys({"active"});
  ASSERT_EQ(active.size(), 8U) << "four purposes in two stores";
  for (const Json& key : active) {
    EXPECT_EQ(key["next"]["state"], "retiring");
    EXPECT_GT(key["next"]["at"], key["since"]["active"]);
  }
  const auto ahead = keys({"published"});
  for (const Json& key : ahead) EXPECT_EQ(key["next"]["state"], "active");
  EXPECT_EQ(published().size(), 16U);
  const Outcome table = mintctl({"keys", "list"});
  EXPECT_EQ(table.status, 0);
  EXPECT_NE(table.output.find("NEXT"), std::string::npos);
  EXPECT_NE(table.output.find(active[0]["kid"].get<std::string>()), std::string::npos);
}

TEST_F(Keys, RotateAtAnOperatorsWordAndNoTokenIsLost) {
  const std::string before = token();
  const std::string old_main = active("main");
  const std::string old_second = active("second");
  const Json answer = stack.control({"keys", "rotate", "--purpose", "access_token"});
  ASSERT_EQ(answer["rotations"].size(), 2U);
  for (const Json& one : answer["rotations"]) EXPECT_NE(one["kid"], one["signs_now"]) << one;
  const std::set<std::string> now{active("main"), active("second")};
  EXPECT_FALSE(now.contains(old_main));
  EXPECT_FALSE(now.contains(old_second));
  // From the answer on: no token leaves that is signed by an old one.
  for (int i = 0; i < 5; ++i) {
    const std::string after = token();
    EXPECT_TRUE(now.contains(kid_of(after)));
    EXPECT_EQ(verify(after), 0);
  }
  EXPECT_EQ(verify(before), 0) << "what was signed before is good until it ends";
  await("the private halves are gone", [&] {
    return key(old_main)["state"] == "retired" && key(old_second)["state"] == "retired";
  });
  EXPECT_EQ(verify(before), 0);
  EXPECT_EQ(key(old_main)["next"]["state"], "destroyed");
  EXPECT_EQ(keys({"published"}).size(), 8U) << "one is ahead again";
  for (const Json& key : keys({"active"})) {
    if (key["purpose"] == "access_token") continue;
    EXPECT_EQ(key["next"]["at"], key["since"]["active"].get<int>() + 30 * 86400)
        << "nobody asked for that";
  }
}

TEST_F(Keys, RotationsOfAttestationsLeaveDevicesIn) {
  ASSERT_EQ(stack.agent({"token", "--audience", "https://api.example"}).status, 0);
  ASSERT_EQ(
      stack.control({"keys", "rotate", "--purpose", "client_attestation"})["rotations"].size(), 2U);
  EXPECT_EQ(fresh_token("read").status, 0) << "its client attestation is by a key that retired";
}

TEST_F(Keys, ThatAreRevokedTakeBackWhatTheySigned) {
  const std::string bad = token();
  const std::string kid = kid_of(bad);
  const std::string store = key(kid)["store"];
  const std::string other = active(store == "main" ? "second" : "main");
  ASSERT_EQ(verify(bad), 0);
  const Json answer = stack.control({"keys", "revoke", "--reason", "seen on a market", "--", kid});
  EXPECT_EQ(answer["signs_now"], active(store));
  EXPECT_NE(answer["signs_now"], kid);
  EXPECT_TRUE(answer["ended_in_hardware"]) << answer;
  EXPECT_EQ(verify(bad), 1);
  EXPECT_EQ(verify(token()), 0);
  const auto kids = published();
  EXPECT_EQ(std::count(kids.begin(), kids.end(), kid), 0);
  EXPECT_EQ(std::count(kids.begin(), kids.end(), other), 1) << "the other store's are good";
  EXPECT_EQ(key(kid)["state"], "destroyed");
  EXPECT_EQ(key(kid)["revoked_why"], "seen on a market");
  EXPECT_TRUE(
      stack.control({"keys", "revoke", "--reason", "again", "--", kid})["was_revoked_before"]);
}

TEST_F(Keys, ThatNobodyHasOrNoReasonAreNotRevoked) {
  const Outcome unknown = mintctl({"keys", "revoke", "nobody", "--reason", "x"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_NE(unknown.output.find("key_not_found"), std::string::npos) << unknown.output;
  EXPECT_EQ(mintctl({"keys", "revoke", "--", active("main")}).status, 2) << "without a reason";
  EXPECT_EQ(mintctl({"keys", "adopt", "--", active("main")}).status, 1) << "it has its record";
  EXPECT_EQ(mintctl({"keys", "give-up", "--", active("main")}).status, 1);
  EXPECT_EQ(mintctl({"keys", "rotate", "--purpose", "tls"}).status, 1);
  EXPECT_EQ(verify(token()), 0);
}

// tests/long says how many rotations; each round makes eight, four purposes in two stores.
int rounds() {
  const char* rotations = std::getenv("MINTMARK_ROTATIONS");  // NOLINT(concurrency-mt-unsafe)
  return rotations == nullptr ? 5 : std::atoi(rotations) / 8;
}

TEST_F(Keys, ARotationOutlivesAFrontThatIsKilledInIt) {
  std::mt19937 dice(20261129);
  for (int i = 0; i < rounds(); ++i) {
    const std::string before = token();
    const int front = stack.front_pid();
    // Before it, or at any moment of it.
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 60));
      kill(front, SIGKILL);
    });
    EXPECT_EQ(mintctl({"keys", "rotate"}).status, 0);
    killer.join();
    stack.wait_until_ready();
    EXPECT_EQ(verify(before), 0);
    EXPECT_EQ(verify(token()), 0);
    EXPECT_EQ(keys({"active"}).size(), 8U);
    ASSERT_FALSE(HasFailure()) << "round " << i;
  }
  EXPECT_TRUE(stack.control({"keys", "list"})["orphans"].empty());
}

TEST_F(Keys, AFrontThatHangsIsReplacedAndHoldsUpNoRevocation) {
  const std::string bad = token();
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGSTOP), 0);
  const Json answer = stack.control({"keys", "revoke", "--reason", "test", "--", kid_of(bad)});
  EXPECT_TRUE(answer["ended_in_hardware"]) << answer;
  EXPECT_NE(stack.front_pid(), front);
  EXPECT_NE(log().find("\"front_hung\""), std::string::npos);
  stack.wait_until_ready();
  EXPECT_EQ(verify(bad), 1);
  EXPECT_EQ(verify(token()), 0);
}

TEST_F(Keys, HaveTheirAgeAndNextRotationAmongTheFigures) {
  const std::string labels = R"({algorithm="ES256",purpose="access_token",store="main"})";
  await("the figures", [&] {
    return figure("mintmark_key_active_since_seconds" + labels) ==
           key(active("main"))["since"]["active"].get<double>();
  });
  EXPECT_EQ(figure("mintmark_key_rotation_due_seconds" + labels),
            key(active("main"))["next"]["at"].get<double>());
  EXPECT_EQ(figure("mintmark_key_troubles"), 0);
}

}  // namespace
}  // namespace mintmark::test
