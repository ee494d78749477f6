// How often strangers may have a TPM work for them.
#include "api/activation_limit.h"

#include <gtest/gtest.h>

namespace mintmark::api {
namespace {

using namespace std::chrono_literals;

class ActivationLimitTest : public testing::Test {
 protected:
  bool take(const std::string& address, std::chrono::seconds at) {
    const auto taken = limit.take(address, begin + at);
    if (!taken) {
      EXPECT_EQ(taken.error().code, Code::activation_rate);
      after = taken.error().retry_after;
    }
    return taken.has_value();
  }
  ActivationLimit limit{6};
  ActivationLimit::Clock::time_point begin = ActivationLimit::Clock::now();
  std::uint32_t after = 0;
};

TEST_F(ActivationLimitTest, GivesOneAddressHalfOfAll) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(take("a", 0s));
  EXPECT_FALSE(take("a", 1s));
  EXPECT_EQ(after, 59U);
  EXPECT_TRUE(take("b", 1s));
}

TEST_F(ActivationLimitTest, GivesAllAddressesNoMoreThanItsNumber) {
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(take("address " + std::to_string(i), 10s));
  EXPECT_FALSE(take("another", 30s));
  EXPECT_EQ(after, 40U);
}

TEST_F(ActivationLimitTest, CountsWhatIsRefusedForNobody) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(take("a", 0s));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(take("a", 1s));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(take("b", 2s));
}

TEST_F(ActivationLimitTest, ForgetsAfterAMinute) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(take("a", 0s));
  EXPECT_FALSE(take("a", 59s));
  EXPECT_EQ(after, 1U);
  EXPECT_TRUE(take("a", 60s));
}

TEST_F(ActivationLimitTest, OfOneGivesOneAddressThatOne) {
  ActivationLimit one(1);
  EXPECT_TRUE(one.take("a", begin));
  EXPECT_FALSE(one.take("b", begin));
}

TEST_F(ActivationLimitTest, OfNoneGivesNone) {
  ActivationLimit none(0);
  const auto taken = none.take("a", begin);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::activation_rate);
}

}  // namespace
}  // namespace mintmark::api
