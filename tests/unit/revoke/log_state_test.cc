// What the event log knows, judged and copied while it grows; and the clock by which it forgets.
#include "revoke/log_state.h"

#include <gtest/gtest.h>

#include <thread>

#include "revoke/patient_clock.h"
#include "support/manual_clock.h"

namespace mintmark::revoke {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Verdict = verify::RevokedSet::Verdict;

const Moment start = from_unix(1'800'000'000);

Json of_token(std::uint64_t number, Moment until = start + seconds{300}) {
  return {{"type", "token"}, {"jti", std::to_string(number)}, {"until", to_unix(until)}};
}

/// Entries from..to, one token each.
void advance(LogState& state, std::uint64_t from, std::uint64_t to) {
  std::vector<Json> entries;
  for (std::uint64_t number = from; number <= to; ++number) entries.push_back(of_token(number));
  state.advance({"log", to, {}}, entries);
}

Verdict judge(const LogState& state, const std::string& jti, const std::string& kid = "k") {
  return state.judge({.jti = jti, .subject = "d", .kid = kid, .issued_at = start});
}

TEST(LogState, KnowsAtOnceWhatItIsToldAndForEver) {
  LogState state({{"log", 0, {}}, {}});
  for (std::uint64_t hundred = 0; hundred < 100; ++hundred) {
    advance(state, 100 * hundred + 1, 100 * hundred + 100);
    EXPECT_EQ(judge(state, std::to_string(100 * hundred + 100)), Verdict::revoked);
    EXPECT_EQ(judge(state, "1"), Verdict::revoked);
    EXPECT_EQ(judge(state, std::to_string(100 * hundred + 101)), Verdict::good);
  }
}

TEST(LogState, SaysOfATokenThatItsKeyIsRevokedWhicheverCameFirst) {
  LogState state({{"log", 0, {}}, {}});
  const Json key = {{"type", "key"}, {"kid", "bad"}, {"until", to_unix(start + hours{2})}};
  state.advance({"log", 1, {}}, {key});
  ASSERT_TRUE(state.forget(start));  // What came first stands apart now.
  state.advance({"log", 2, {}}, {of_token(1)});
  EXPECT_EQ(judge(state, "1", "bad"), Verdict::key_revoked);
  EXPECT_EQ(judge(state, "2", "bad"), Verdict::key_revoked);
  EXPECT_EQ(judge(state, "1"), Verdict::revoked);
  ASSERT_TRUE(state.forget(start));
  const Json other = {{"type", "key"}, {"kid", "worse"}, {"until", to_unix(start + hours{2})}};
  state.advance({"log", 3, {}}, {other});
  EXPECT_EQ(judge(state, "1", "worse"), Verdict::key_revoked);
}

TEST(LogState, ForgetsWhatIsOverHoweverLatelyItCame) {
  LogState state({{"log", 0, {}}, {}});
  advance(state, 1, 1);
  EXPECT_TRUE(state.forget(start + hours{1}));
  EXPECT_EQ(judge(state, "1"), Verdict::revoked);
  EXPECT_TRUE(state.forget(start + hours{2}));
  EXPECT_EQ(judge(state, "1"), Verdict::good);
}

TEST(LogState, IsCopiedWholeAtAnyOfItsPositionsWhileItGrows) {
  LogState state({{"log", 0, {}}, {}});
  std::atomic<bool> ended{false};
  std::thread reader([&] {
    do {
      const Snapshot snapshot = state.snapshot();
      ASSERT_EQ(snapshot.revoked.size(), snapshot.position.seq);
    } while (!ended);
  });
  for (std::uint64_t hundred = 0; hundred < 200; ++hundred) {
    advance(state, 100 * hundred + 1, 100 * hundred + 100);
    (void)state.forget(start);
  }
  ended = true;
  reader.join();
  EXPECT_EQ(state.snapshot().revoked.size(), 20'000U);
}

// ---- the clock ----

class PatientClockTest : public testing::Test {
 protected:
  [[nodiscard]] PatientClock clock(seconds behind = {}) {
    return {wall_, {.doubt = hours{24}, .behind = behind, .steady = [this] { return steady_; }}};
  }
  void pass(seconds time) {
    steady_ += time;
    wall_.advance(time);
  }

  test::ManualClock wall_{start};
  PatientClock::Steady::time_point steady_{};
};

TEST_F(PatientClockTest, GoesWithTheWallClock) {
  PatientClock patient = clock();
  pass(hours{5});
  EXPECT_EQ(patient.now(), start + hours{5});
  wall_.advance(seconds{1});  // Slewed.
  EXPECT_EQ(patient.now(), start + hours{5} + seconds{1});
}

TEST_F(PatientClockTest, DoesNotBelieveAJumpAheadThatIsTakenBack) {
  PatientClock patient = clock();
  wall_.advance(hours{48});
  EXPECT_EQ(patient.now(), start);
  pass(hours{23});
  EXPECT_EQ(patient.now(), start + hours{23});
  wall_.advance(-hours{48});
  EXPECT_EQ(patient.now(), start + hours{23});
  pass(hours{3});
  EXPECT_EQ(patient.now(), start + hours{26});
}

TEST_F(PatientClockTest, BelievesAJumpThatStandsForADay) {
  PatientClock patient = clock();
  wall_.advance(hours{48});
  EXPECT_EQ(patient.now(), start);
  pass(hours{24});
  EXPECT_EQ(patient.now(), start + hours{72});
}

TEST_F(PatientClockTest, CountsTheDayFromTheLatestJump) {
  PatientClock patient = clock();
  wall_.advance(hours{2});
  EXPECT_EQ(patient.now(), start);
  pass(hours{23});
  wall_.advance(hours{48});
  EXPECT_EQ(patient.now(), start + hours{23});
  pass(hours{2});
  EXPECT_EQ(patient.now(), start + hours{25});
}

TEST_F(PatientClockTest, FollowsBackAtOnce) {
  PatientClock patient = clock();
  wall_.advance(-hours{48});
  EXPECT_EQ(patient.now(), start - hours{48});
}

TEST_F(PatientClockTest, SaysHowFarAheadItDoubts) {
  PatientClock patient = clock();
  wall_.advance(hours{2});
  (void)patient.now();
  EXPECT_EQ(patient.doubted(), hours{2});
  patient.believe();
  EXPECT_EQ(patient.doubted(), hours{0});
  EXPECT_EQ(patient.now(), start + hours{2});
}

TEST_F(PatientClockTest, DoubtsWhatIsAheadOfWhatSomebodyKnows) {
  PatientClock patient = clock();
  patient.expect(start - hours{1});
  EXPECT_EQ(patient.now(), start - hours{1});
  EXPECT_EQ(patient.doubted(), hours{1});
  pass(hours{24});
  EXPECT_EQ(patient.now(), start + hours{24}) << "for so long, and no longer";
}

TEST_F(PatientClockTest, DoesNotDoubtAClockThatWasSetBackAndReturns) {
  PatientClock patient{wall_,
                       {.doubt = hours{24},
                        .behind = {},
                        .no_jump = seconds{60},
                        .steady = [this] { return steady_; },
                        .may_return = true}};
  wall_.advance(-hours{1});
  EXPECT_EQ(patient.now(), start - hours{1}) << "it is followed back";
  pass(hours{2});
  EXPECT_EQ(patient.now(), start + hours{1});
  wall_.advance(hours{1});
  EXPECT_EQ(patient.now(), start + hours{2});
  EXPECT_EQ(patient.doubted(), hours{0});
  wall_.advance(hours{1});
  EXPECT_EQ(patient.now(), start + hours{2}) << "further ahead is a jump";
}

TEST_F(PatientClockTest, FollowsAJumpThatIsNone) {
  PatientClock patient{wall_,
                       {.doubt = hours{24}, .behind = {}, .no_jump = seconds{60}, .steady = [this] {
                          return steady_;
                        }}};
  wall_.advance(seconds{60});
  EXPECT_EQ(patient.now(), start + seconds{60});
  wall_.advance(seconds{61});
  EXPECT_EQ(patient.now(), start + seconds{60});
}

TEST_F(PatientClockTest, DoubtsTheClockThatItBeginsWith) {
  PatientClock patient = clock(hours{24});
  EXPECT_EQ(patient.now(), start - hours{24});
  pass(hours{23});
  EXPECT_EQ(patient.now(), start - hours{1});
  pass(hours{1});
  EXPECT_EQ(patient.now(), start + hours{24});
}

}  // namespace
}  // namespace mintmark::revoke
