#include <gtest/gtest.h>

#include "sample.h"
#include "support/mutations.h"

namespace mintmark::policy {
namespace {

TEST(PolicyRobustness, EveryBrokenFileIsRefusedWithItsLine) {
  const std::string good = test::replaced(
      test::sample, R"("labels": )",
      R"("times": [{"days": ["mon"], "from": "08:00", "to": "18:00", "utc_offset": "+02:00"}],
        "labels": )");
  ASSERT_EQ(test::policy_of(good).rules(), 2U);
  std::size_t refused = 0;
  mintmark::test::for_each_mutation(good, 5'000, [&](const std::string& text) {
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
