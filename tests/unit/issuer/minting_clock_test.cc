// Nothing is minted behind the latest moment at which this issuer worked.
#include "issuer/minting_clock.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace mintmark::issuer {
namespace {

using std::chrono::seconds;

const Moment start = from_unix(1'800'000'000);

struct MintingClockTest : ::testing::Test {
  test::ManualClock wall{start};
  MintingClock clock{wall};
};

TEST_F(MintingClockTest, GivesTheWallClockWhileItGoesForward) {
  EXPECT_EQ(clock.minting_moment(), start);
  wall.advance(seconds(10));
  EXPECT_EQ(clock.minting_moment(), start + seconds(10));
}

TEST_F(MintingClockTest, WaitsAtTheMarkForAClockThatIsALittleBehind) {
  ASSERT_TRUE(clock.minting_moment());
  wall.set(start - MintingClock::tolerated);
  EXPECT_EQ(clock.minting_moment(), start);
}

TEST_F(MintingClockTest, RefusesBehindThatAndSaysByHowMuch) {
  ASSERT_TRUE(clock.minting_moment());
  wall.set(start - seconds(3600));
  const auto refused = clock.minting_moment();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::clock_behind);
  EXPECT_NE(refused.error().detail.find("3600 s"), std::string::npos);
  EXPECT_FALSE(clock.check());
}

TEST_F(MintingClockTest, GoesOnByItselfWhenTheClockHasCaughtUp) {
  ASSERT_TRUE(clock.minting_moment());
  wall.set(start - seconds(3600));
  ASSERT_FALSE(clock.minting_moment());
  wall.set(start + seconds(1));
  EXPECT_TRUE(clock.minting_moment());
}

TEST_F(MintingClockTest, KnowsTheMarkOfTheProcessesBefore) {
  clock.raise_mark(start + seconds(60));
  EXPECT_FALSE(clock.minting_moment());
  clock.raise_mark(start);
  EXPECT_EQ(clock.mark(), start + seconds(60)) << "a mark is never lowered";
}

TEST_F(MintingClockTest, IsSetBackByAnOperatorAlone) {
  clock.raise_mark(start + seconds(86400));
  ASSERT_FALSE(clock.minting_moment());
  clock.accept_present();
  EXPECT_EQ(clock.minting_moment(), start);
}

// ---- jumps ahead ----

struct JumpsAhead : MintingClockTest {
  revoke::PatientClock::Steady::time_point steady{};
  MintingClock clock{wall,
                     {.doubt = std::chrono::minutes(5),
                      .behind = {},
                      .no_jump = seconds(60),
                      .steady = [this] { return steady; },
                      .may_return = true}};
  void pass(seconds time) {
    steady += time;
    wall.advance(time);
  }
};

TEST_F(JumpsAhead, OfAMinuteAreFollowed) {
  wall.advance(seconds(60));
  EXPECT_EQ(clock.minting_moment(), start + seconds(60));
}

TEST_F(JumpsAhead, OfAnHourAreRefusedAndRaiseNoMark) {
  ASSERT_TRUE(clock.minting_moment());
  wall.advance(seconds(3600));
  const auto refused = clock.minting_moment();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::clock_jumped);
  EXPECT_NE(refused.error().detail.find("3600 s"), std::string::npos);
  EXPECT_EQ(clock.mark(), start);
  EXPECT_EQ(clock.now(), start);
  EXPECT_EQ(clock.doubted(), seconds(3600));
}

TEST_F(JumpsAhead, ThatAreTakenBackLeaveNothing) {
  wall.advance(seconds(3600));
  ASSERT_FALSE(clock.minting_moment());
  pass(seconds(60));
  wall.advance(-seconds(3600));
  EXPECT_EQ(clock.minting_moment(), start + seconds(60));
}

TEST_F(JumpsAhead, ThatStandAreBelieved) {
  wall.advance(seconds(3600));
  ASSERT_FALSE(clock.minting_moment());
  pass(seconds(299));
  ASSERT_FALSE(clock.minting_moment());
  pass(seconds(1));
  EXPECT_EQ(clock.minting_moment(), start + seconds(3900));
}

TEST_F(JumpsAhead, AreNoneOfAClockThatWasSetBackAndReturns) {
  ASSERT_TRUE(clock.minting_moment());
  wall.advance(-seconds(3600));
  EXPECT_EQ(clock.minting_moment().error().code, Code::clock_behind);
  pass(seconds(600));
  wall.advance(seconds(3600));
  EXPECT_EQ(clock.minting_moment(), start + seconds(600));
}

TEST_F(JumpsAhead, AreBelievedByAnOperatorsWord) {
  wall.advance(seconds(3600));
  ASSERT_FALSE(clock.minting_moment());
  clock.accept_present();
  EXPECT_EQ(clock.minting_moment(), start + seconds(3600));
}

TEST_F(JumpsAhead, ThatCameBeforeThisProcessAreSeenByTheKeepersWord) {
  clock.compare_with(start - seconds(3600));
  EXPECT_EQ(clock.minting_moment().error().code, Code::clock_jumped);
  EXPECT_EQ(clock.now(), start - seconds(3600));
}

TEST_F(JumpsAhead, AreNoneWhereTheKeeperIsALittleLate) {
  clock.compare_with(start - seconds(60));
  EXPECT_EQ(clock.minting_moment(), start);
}

}  // namespace
}  // namespace mintmark::issuer
