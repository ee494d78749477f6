#include <gtest/gtest.h>

#include "config/config.h"
#include "sample.h"
#include "support/mutations.h"

namespace mintmark::config {
namespace {

TEST(ConfigRobustness, EveryBrokenFileIsRefusedWithItsLine) {
  std::size_t refused = 0;
  mintmark::test::for_each_mutation(test::sample, 5'000, [&](const std::string& text) {
    const auto config = parse("mintd.json", text);
    if (config) return;
    ++refused;
    ASSERT_EQ(config.error().code, Code::config_invalid);
    ASSERT_TRUE(mintmark::test::names_a_line(config.error().detail, "mintd.json", text))
        << config.error().detail;
  });
  EXPECT_GT(refused, 4'000U);
}

}  // namespace
}  // namespace mintmark::config
