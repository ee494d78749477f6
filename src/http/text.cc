#include "http/text.h"

#include <algorithm>
#include <charconv>

namespace mintmark::http {

bool equal_without_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return to_lower(a) == to_lower(b); });
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), to_lower);
  return lower;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char character) {
    const auto octet = static_cast<unsigned char>(character);
    return octet == '\t' || (octet >= 0x20 && octet != 0x7F);
  });
}

bool is_target(std::string_view text) {
  if (text.empty() || text.front() != '/') return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char character = text[at];
    if (character <= ' ' || character > '~') return false;
    if (std::string_view("\"<>\\^`{|}#").find(character) != std::string_view::npos) return false;
    if (character != '%') continue;
    if (at + 2 >= text.size() || hex_value(text[at + 1]) < 0 || hex_value(text[at + 2]) < 0) {
      return false;
    }
    at += 2;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace mintmark::http
