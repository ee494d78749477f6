// When a rule is open: windows of the week. Private to this folder.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace mintmark::policy {

/// One window as written: on these days from one time of day to another.
struct Window {
  std::vector<unsigned> days;  ///< 0 is Monday; empty: every day.
  unsigned from = 0;           ///< Minutes after midnight, of the window's own clock.
  /// As `from`, and up to 1440. Not later than `from`: over midnight, into the day after.
  unsigned to = 1440;
  int utc_offset = 0;  ///< Minutes that the window's clock is ahead of UTC.
};

/// The minutes of a week in which a rule is open. Without a window it always is.
class Times {
 public:
  void open(const Window& window);
  [[nodiscard]] bool always() const { return !minutes_.has_value(); }
  /// How long from `now` on it stays open, at most `most`; 0 if it is closed.
  [[nodiscard]] std::chrono::seconds open_for(Moment now, std::chrono::seconds most) const;
  /// For people: "mon tue 07:00 to 19:00 (UTC+02:00) or sun (UTC)".
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static constexpr unsigned minutes_in_week = 7 * 1440;
  std::optional<std::bitset<minutes_in_week>> minutes_;  // Of UTC, from Monday 00:00 on.
  std::string text_;
};

/// "mon" to "sun".
[[nodiscard]] std::optional<unsigned> day_named(std::string_view text);
/// "00:00" to "24:00", in minutes.
[[nodiscard]] std::optional<unsigned> minute_of_day(std::string_view text);
/// "+02:00", from -14:00 to +14:00, in minutes.
[[nodiscard]] std::optional<int> offset_in_minutes(std::string_view text);
/// "mon 19:05 UTC".
[[nodiscard]] std::string week_time(Moment moment);

}  // namespace mintmark::policy
