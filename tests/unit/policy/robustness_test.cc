#include <gtest/gtest.h>

#include "sample.h"
#include "support/mutations.h"

namespace mintmark::policy {
namespace {

TEST(PolicyRobustness, EveryBrokenFileIsRefusedWithItsLine) {
  std::size_t refused = 0;
  mintmark::test::for_each_mutation(test::sample, 5'000, [&](const std::string& text) {
    const auto policy = Policy::from_text("policy.json", text);
    if (policy) return;
    ++refused;
    ASSERT_EQ(policy.error().code, Code::policy_invalid);
    ASSERT_TRUE(mintmark::test::names_a_line(policy.error().detail, "policy.json", text))
        << policy.error().detail;
  });
  EXPECT_GT(refused, 4'000U);
}

}  // namespace
}  // namespace mintmark::policy
