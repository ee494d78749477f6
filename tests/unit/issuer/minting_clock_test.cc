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

}  // namespace
}  // namespace mintmark::issuer
