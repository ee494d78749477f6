#include "policy/times.h"

#include <algorithm>
#include <array>

namespace mintmark::policy {
namespace {

constexpr int minutes_in_day = 1440;
constexpr int farthest_offset = 14 * 60;
constexpr std::array<std::string_view, 7> day_names = {"mon", "tue", "wed", "thu",
                                                       "fri", "sat", "sun"};

struct WeekTime {
  unsigned minute;  // Of the week, from Monday 00:00 UTC on.
  unsigned second;  // Of the minute.
};

unsigned wrapped(std::int64_t minute) {
  constexpr std::int64_t week = 7 * minutes_in_day;
  return static_cast<unsigned>((minute % week + week) % week);
}

WeekTime in_week(Moment moment) {
  constexpr std::int64_t first_day = 3;  // 1 January 1970 was a Thursday.
  const auto minutes = std::chrono::floor<std::chrono::minutes>(moment.time_since_epoch());
  const auto second = moment.time_since_epoch() - minutes;
  return {wrapped(minutes.count() + first_day * minutes_in_day),
          static_cast<unsigned>(second.count())};
}

std::string two_digits(unsigned number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

std::string clock_text(unsigned minute) {
  return two_digits(minute / 60) + ":" + two_digits(minute % 60);
}

std::string text_of(const Window& window) {
  std::string text;
  for (const unsigned day : window.days) text += std::string(day_names.at(day)) + " ";
  const bool whole_days = window.from == 0 && window.to == minutes_in_day;
  if (!whole_days) text += clock_text(window.from) + " to " + clock_text(window.to) + " ";
  if (window.utc_offset == 0) return text + "(UTC)";
  const auto distance = static_cast<unsigned>(std::abs(window.utc_offset));
  return text + "(UTC" + (window.utc_offset < 0 ? "-" : "+") + clock_text(distance) + ")";
}

std::optional<unsigned> clock_time(std::string_view text, unsigned latest) {
  const auto digit = [&](std::size_t at) { return static_cast<unsigned>(text[at] - '0'); };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t at : {0U, 1U, 3U, 4U}) {
    if (digit(at) > 9) return std::nullopt;
  }
  const unsigned minutes = digit(3) * 10 + digit(4);
  const unsigned all = (digit(0) * 10 + digit(1)) * 60 + minutes;
  return minutes < 60 && all <= latest ? std::optional(all) : std::nullopt;
}

}  // namespace

void Times::open(const Window& window) {
  if (!minutes_) minutes_.emplace();
  const auto from = static_cast<int>(window.from);
  const auto to = static_cast<int>(window.to);
  const int length = to > from ? to - from : to - from + minutes_in_day;
  for (unsigned day = 0; day < day_names.size(); ++day) {
    const bool meant = window.days.empty() ||
                       std::find(window.days.begin(), window.days.end(), day) != window.days.end();
    if (!meant) continue;
    const int start = static_cast<int>(day) * minutes_in_day + from - window.utc_offset;
    for (int i = 0; i < length; ++i) minutes_->set(wrapped(start + i));
  }
  text_ += (text_.empty() ? "" : " or ") + text_of(window);
}

std::chrono::seconds Times::open_for(Moment now, std::chrono::seconds most) const {
  if (!minutes_) return most;
  const WeekTime start = in_week(now);
  std::chrono::seconds open{0};
  for (unsigned minute = start.minute; minutes_->test(minute) && open < most;
       minute = (minute + 1) % minutes_in_week) {
    open +=
        std::chrono::seconds{minute == start.minute && open.count() == 0 ? 60 - start.second : 60};
  }
  return std::min(open, most);
}

std::optional<unsigned> day_named(std::string_view text) {
  const auto found = std::find(day_names.begin(), day_names.end(), text);
  if (found == day_names.end()) return std::nullopt;
  return static_cast<unsigned>(found - day_names.begin());
}

std::optional<unsigned> minute_of_day(std::string_view text) {
  return clock_time(text, minutes_in_day);
}

std::optional<int> offset_in_minutes(std::string_view text) {
  const bool signed_text = !text.empty() && (text.front() == '+' || text.front() == '-');
  const auto distance =
      signed_text ? clock_time(text.substr(1), farthest_offset) : std::optional<unsigned>();
  if (!distance) return std::nullopt;
  const auto minutes = static_cast<int>(*distance);
  return text.front() == '-' ? -minutes : minutes;
}

std::string week_time(Moment moment) {
  const WeekTime time = in_week(moment);
  return std::string(day_names.at(time.minute / minutes_in_day)) + " " +
         clock_text(time.minute % minutes_in_day) + " UTC";
}

}  // namespace mintmark::policy
