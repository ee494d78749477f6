#include "policy/times.h"

#include <gtest/gtest.h>

namespace mintmark::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds day{86400};

// 27 November 2023 was a Monday.
const Moment monday = from_unix(1'701'043'200);

bool is_open(const Times& times, Moment at) { return times.open_for(at, seconds{1}).count() > 0; }

Times times_of(const Window& window) {
  Times times;
  times.open(window);
  return times;
}

TEST(Times, WithoutAWindowAreAlwaysOpen) {
  const Times times;
  EXPECT_TRUE(times.always());
  EXPECT_EQ(times.open_for(monday, seconds{300}), seconds{300});
}

TEST(Times, OpenFromTheFirstSecondToTheLast) {
  const Times times = times_of({.days = {}, .from = 8 * 60, .to = 18 * 60});
  EXPECT_FALSE(times.always());
  EXPECT_FALSE(is_open(times, monday + hours{8} - seconds{1}));
  EXPECT_TRUE(is_open(times, monday + hours{8}));
  EXPECT_TRUE(is_open(times, monday + hours{18} - seconds{1}));
  EXPECT_FALSE(is_open(times, monday + hours{18}));
}

TEST(Times, KnowTheDaysOfTheWeek) {
  for (unsigned meant = 0; meant < 7; ++meant) {
    const Times times = times_of({.days = {meant}});
    for (int at = 0; at < 14; ++at) {
      const bool open = static_cast<unsigned>(at) % 7 == meant;
      EXPECT_EQ(is_open(times, monday + at * day), open) << meant << " " << at;
      EXPECT_EQ(is_open(times, monday + at * day + day - seconds{1}), open) << meant << " " << at;
    }
  }
}

TEST(Times, OverMidnightEndOnTheDayAfter) {
  const Times times = times_of({.days = {0}, .from = 22 * 60, .to = 6 * 60});
  EXPECT_FALSE(is_open(times, monday + hours{5}));
  EXPECT_FALSE(is_open(times, monday + hours{22} - seconds{1}));
  EXPECT_TRUE(is_open(times, monday + hours{22}));
  EXPECT_TRUE(is_open(times, monday + hours{30} - seconds{1}));
  EXPECT_FALSE(is_open(times, monday + hours{30}));
  EXPECT_FALSE(is_open(times, monday + day + hours{23}));
}

TEST(Times, OverTheMidnightOfSundayEndOnMonday) {
  const Times times = times_of({.days = {6}, .from = 23 * 60, .to = 60});
  EXPECT_TRUE(is_open(times, monday + hours{1} - seconds{1}));
  EXPECT_FALSE(is_open(times, monday + hours{1}));
  EXPECT_TRUE(is_open(times, monday - hours{1}));
}

TEST(Times, FollowTheClockOfTheirOffset) {
  const Times east = times_of({.days = {0}, .from = 60, .to = 120, .utc_offset = 120});
  EXPECT_TRUE(is_open(east, monday - hours{1}));  // Monday 01:00 there is Sunday 23:00 UTC.
  EXPECT_FALSE(is_open(east, monday));
  const Times west = times_of({.days = {6}, .from = 22 * 60, .to = 23 * 60, .utc_offset = -330});
  EXPECT_TRUE(is_open(west, monday + minutes{3 * 60 + 30}));
  EXPECT_FALSE(is_open(west, monday + minutes{3 * 60 + 29}));
}

TEST(Times, OpenByAnyOfTheirWindows) {
  Times times = times_of({.days = {0}, .from = 0, .to = 60});
  times.open({.days = {0}, .from = 120, .to = 180});
  EXPECT_TRUE(is_open(times, monday));
  EXPECT_FALSE(is_open(times, monday + hours{1}));
  EXPECT_TRUE(is_open(times, monday + hours{2}));
}

TEST(Times, SayHowLongTheyStayOpen) {
  Times times = times_of({.days = {0}, .from = 0, .to = 60});
  EXPECT_EQ(times.open_for(monday + seconds{3599}, hours{8}), seconds{1});
  EXPECT_EQ(times.open_for(monday + seconds{90}, hours{8}), seconds{3510});
  EXPECT_EQ(times.open_for(monday + seconds{90}, seconds{30}), seconds{30});
  EXPECT_EQ(times.open_for(monday + hours{1}, hours{8}), seconds{0});
  times.open({.days = {0}, .from = 60, .to = 120});
  EXPECT_EQ(times.open_for(monday, hours{8}), hours{2});
}

TEST(Times, OfAllTheWeekNeverEnd) {
  const Times times = times_of({.days = {0, 1, 2, 3, 4, 5, 6}});
  EXPECT_EQ(times.open_for(monday + hours{100} + seconds{7}, day * 30), day * 30);
}

TEST(Times, OfMomentsBeforeTheEpochAreNoneToFallOver) {
  const Times times = times_of({.days = {2}});
  EXPECT_TRUE(is_open(times, from_unix(-1)));  // 31 December 1969 was a Wednesday.
  EXPECT_FALSE(is_open(times, from_unix(0)));
}

TEST(Times, AreShownAsTheyWereWritten) {
  Times times = times_of({.days = {0, 4}, .from = 7 * 60, .to = 19 * 60 + 5, .utc_offset = 120});
  times.open({.days = {6}});
  times.open({.days = {}, .from = 0, .to = 1, .utc_offset = -330});
  EXPECT_EQ(times.text(),
            "mon fri 07:00 to 19:05 (UTC+02:00) or sun (UTC) or 00:00 to 00:01 (UTC-05:30)");
  EXPECT_EQ(week_time(monday + minutes{61}), "mon 01:01 UTC");
}

TEST(DayName, HasThreeSmallLetters) {
  EXPECT_EQ(day_named("mon"), 0U);
  EXPECT_EQ(day_named("sun"), 6U);
  for (const auto* text : {"", "Mon", "monday", "mo", "m"}) EXPECT_FALSE(day_named(text)) << text;
}

TEST(MinuteOfDay, IsWrittenInOneWay) {
  EXPECT_EQ(minute_of_day("00:00"), 0U);
  EXPECT_EQ(minute_of_day("23:59"), 1439U);
  EXPECT_EQ(minute_of_day("24:00"), 1440U);
  for (const auto* text : {"", "8:00", "08:0", "0800", "08.00", "08:60", "24:01", "25:00", "-1:00",
                           "08:00 ", "ab:cd", "08:00:00", "/0:00", ":0:00"}) {
    EXPECT_FALSE(minute_of_day(text)) << text;
  }
}

TEST(UtcOffset, IsWrittenInOneWay) {
  EXPECT_EQ(offset_in_minutes("+00:00"), 0);
  EXPECT_EQ(offset_in_minutes("+14:00"), 840);
  EXPECT_EQ(offset_in_minutes("-05:30"), -330);
  for (const auto* text : {"", "+", "02:00", "+2:00", "+14:01", "-14:01", "Z", "+02:60", "++2:00"})
    EXPECT_FALSE(offset_in_minutes(text)) << text;
}

}  // namespace
}  // namespace mintmark::policy
