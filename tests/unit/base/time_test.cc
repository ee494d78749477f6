#include "base/time.h"

#include <gtest/gtest.h>

namespace mintmark {
namespace {

TEST(Moment, GoesToUnixSecondsAndBack) {
  EXPECT_EQ(to_unix(from_unix(1'800'000'000)), 1'800'000'000);
  EXPECT_EQ(to_unix(from_unix(-1)), -1);
}

TEST(Deadline, ThatIsAheadHasTimeLeft) {
  const Deadline deadline = Deadline::in(std::chrono::hours(1));
  EXPECT_FALSE(deadline.passed());
  EXPECT_GT(deadline.left(), std::chrono::minutes(59));
  EXPECT_LE(deadline.left(), std::chrono::hours(1));
}

TEST(Deadline, ThatPassedHasNothingLeft) {
  const Deadline deadline = Deadline::in(std::chrono::milliseconds(-5));
  EXPECT_TRUE(deadline.passed());
  EXPECT_EQ(deadline.left(), std::chrono::milliseconds(0));
}

}  // namespace
}  // namespace mintmark
