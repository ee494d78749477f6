#include "http/accept.h"

#include <algorithm>

#include "http/text.h"

namespace mintmark::http {
namespace {

constexpr unsigned highest = 1000;  // Thousandths: a weight has three decimal places at most.

struct Range {
  std::string_view type;
  unsigned weight = highest;
};

/// What stands before the separator; `rest` goes on behind it.
std::string_view next_part(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return trimmed(part);
}

/// §12.4.2. What is no weight is none: 0.
unsigned weight_in(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  unsigned weight = text[0] == '1' ? highest : 0;
  if (text.size() == 1) return weight;
  if (text[1] != '.' || text.size() > 5) return 0;
  unsigned place = highest / 10;
  for (const char digit : text.substr(2)) {
    if (!is_digit(digit)) return 0;
    weight += static_cast<unsigned>(digit - '0') * place;
    place /= 10;
  }
  return weight <= highest ? weight : 0;
}

Range range_in(std::string_view text) {
  Range range{next_part(text, ';')};
  while (!text.empty()) {
    const std::string_view parameter = next_part(text, ';');
    if (parameter.size() > 2 && to_lower(parameter[0]) == 'q' && parameter[1] == '=')
      range.weight = weight_in(parameter.substr(2));
  }
  return range;
}

/// How exactly it names the type: 3 by name, 2 "application/*", 1 "*/*", 0 not at all.
unsigned precision(std::string_view range, std::string_view type) {
  if (equal_without_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const std::string_view kind = type.substr(0, type.find('/') + 1);
  const bool of_kind = range.size() == kind.size() + 1 && range.back() == '*' &&
                       equal_without_case(range.substr(0, kind.size()), kind);
  return of_kind ? 2 : 0;
}

/// What the most exact of the ranges says of the type; 0: it is not taken.
unsigned weight_of(std::string_view type, const Headers& headers) {
  unsigned named = 0;
  unsigned weight = 0;
  for (const auto& [name, value] : headers.fields()) {
    std::string_view rest = equal_without_case(name, "Accept") ? value : std::string_view();
    while (!rest.empty()) {
      const Range range = range_in(next_part(rest, ','));
      const unsigned how = precision(range.type, type);
      if (how <= named) continue;
      named = how;
      weight = range.weight;
    }
  }
  return weight;
}

}  // namespace

std::string_view best_accepted(const Headers& headers,
                               std::initializer_list<std::string_view> offered) {
  if (headers.count("Accept") == 0) return *offered.begin();
  std::string_view best;
  unsigned weight_of_best = 0;
  for (const std::string_view type : offered) {
    const unsigned weight = weight_of(type, headers);
    if (weight <= weight_of_best) continue;
    best = type;
    weight_of_best = weight;
  }
  return best;
}

}  // namespace mintmark::http
