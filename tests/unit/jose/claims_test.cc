#include <gtest/gtest.h>

#include "jose/jws.h"

namespace mintmark::jose {
namespace {

void expect_no_time(const Json& value) {
  const auto claim = time_claim({{"exp", value}}, "exp");
  ASSERT_FALSE(claim) << value.dump();
  EXPECT_EQ(claim.error().code, Code::jws_malformed);
}

TEST(TimeClaim, IsSecondsSince1970) {
  EXPECT_EQ(time_claim({{"exp", 1300819380}}, "exp").value(), 1300819380);
  EXPECT_EQ(time_claim({{"exp", 0}}, "exp").value(), 0);
  EXPECT_EQ(time_claim({{"exp", 0U}}, "exp").value(), 0);
}

TEST(TimeClaim, ThatIsAbsentIsNothing) {
  EXPECT_FALSE(time_claim(Json::object(), "exp").value().has_value());
}

TEST(TimeClaim, OfAnotherTypeIsRefused) {
  for (const Json& value : {Json("1300819380"), Json(), Json(true), Json::array({1}),
                            Json::object(), Json(1.5), Json(1e300)}) {
    expect_no_time(value);
  }
}

TEST(TimeClaim, BeforeTheBeginningOrBeyondAllTimesIsRefused) {
  expect_no_time(-1);
  expect_no_time(std::numeric_limits<std::int64_t>::min());
  expect_no_time(std::numeric_limits<std::int64_t>::max());
  expect_no_time(std::numeric_limits<std::uint64_t>::max());
  expect_no_time((std::uint64_t{1} << 63U) + 5);
  expect_no_time((std::int64_t{1} << 53U) + 1);
}

TEST(StringClaim, IsText) { EXPECT_EQ(string_claim({{"sub", "a"}}, "sub").value(), "a"); }

TEST(StringClaim, ThatIsAbsentIsNothing) {
  EXPECT_FALSE(string_claim(Json::object(), "sub").value().has_value());
}

TEST(StringClaim, OfAnotherTypeIsRefused) {
  for (const Json& value : {Json(1), Json(), Json(true), Json::array({"a"}), Json::object()}) {
    const auto claim = string_claim({{"sub", value}}, "sub");
    ASSERT_FALSE(claim);
    EXPECT_EQ(claim.error().code, Code::jws_malformed);
  }
}

}  // namespace
}  // namespace mintmark::jose
