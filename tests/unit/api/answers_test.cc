// Refusals as a stranger sees them.
#include "api/answers.h"

#include <gtest/gtest.h>

namespace mintmark::api {
namespace {

TEST(Refusal, OfAStoreThatKnowsItsPaceSaysWhenToComeBack) {
  const auto response = refusal(Error{Code::overloaded, "busy", 0, 7});
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(*response.headers.find("Retry-After"), "7");
}

TEST(Refusal, OfOthersThatMayDoBetterSaysASecond) {
  EXPECT_EQ(*refusal(Error{Code::hsm_unavailable, "gone", 0}).headers.find("Retry-After"), "1");
}

TEST(Refusal, ThatStaysOneNamesNoTime) {
  EXPECT_EQ(refusal(Error{Code::invalid_argument, "no", 0, 7}).headers.find("Retry-After"),
            nullptr);
}

}  // namespace
}  // namespace mintmark::api
