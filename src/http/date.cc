#include "http/date.h"

#include <array>

#include "http/text.h"

namespace mintmark::http {
namespace {

constexpr std::string_view form = "Sun, 06 Nov 1994 08:49:37 GMT";

std::optional<unsigned> number_at(std::string_view text, std::size_t at, std::size_t digits,
                                  unsigned most) {
  const auto value = decimal(text.substr(at, digits));
  return value && *value <= most ? std::optional(static_cast<unsigned>(*value)) : std::nullopt;
}

std::optional<unsigned> month_at(std::string_view text, std::size_t at) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (unsigned month = 0; month < months.size(); ++month) {
    if (months[month] == text.substr(at, 3)) return month + 1;
  }
  return std::nullopt;
}

// What stands between names and numbers.
bool has_form(std::string_view text) {
  if (text.size() != form.size()) return false;
  for (const std::size_t at : {3U, 4U, 7U, 11U, 16U, 19U, 22U, 25U, 26U, 27U, 28U}) {
    if (text[at] != form[at]) return false;
  }
  return true;
}

}  // namespace

std::optional<Moment> read_date(std::string_view text) {
  if (!has_form(text)) return std::nullopt;
  const auto day = number_at(text, 5, 2, 31);
  const auto month = month_at(text, 8);
  const auto year = number_at(text, 12, 4, 9999);
  const auto hour = number_at(text, 17, 2, 23);
  const auto minute = number_at(text, 20, 2, 59);
  const auto second = number_at(text, 23, 2, 60);
  if (!day || !month || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace mintmark::http
