#include "programs/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace mintmark::programs {
namespace {

TEST(Descriptors, ConnectionsLeaveRoomForAllElse) {
  EXPECT_EQ(connections_within(65'536, 4096), 4096U);
  EXPECT_EQ(connections_within(4096, 4096), 3776U);
  EXPECT_EQ(connections_within(1024, 4096), 704U);
}

TEST(Descriptors, OfVeryFewHalfAreConnections) {
  EXPECT_EQ(connections_within(256, 4096), 128U);
  EXPECT_EQ(connections_within(1, 4096), 1U);
  EXPECT_EQ(connections_within(0, 4096), 1U);
}

TEST(Descriptors, AreRaisedAsFarAsTheyMayBe) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
  rlimit now{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, before.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace mintmark::programs
