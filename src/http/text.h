// Characters of RFC 9110 and RFC 3986, independent of the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mintmark::http {

[[nodiscard]] constexpr char to_lower(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}
[[nodiscard]] constexpr bool is_digit(char character) {
  return character >= '0' && character <= '9';
}
[[nodiscard]] constexpr bool is_alphanumeric(char character) {
  const char lower = to_lower(character);
  return is_digit(character) || (lower >= 'a' && lower <= 'z');
}
/// 0 to 15, or -1.
[[nodiscard]] constexpr int hex_value(char character) {
  const char lower = to_lower(character);
  if (is_digit(lower)) return lower - '0';
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
/// RFC 9110 §5.6.2: tchar.
[[nodiscard]] constexpr bool is_token_character(char character) {
  return is_alphanumeric(character) ||
         std::string_view("!#$%&'*+-.^_`|~").find(character) != std::string_view::npos;
}

[[nodiscard]] bool equal_without_case(std::string_view left, std::string_view right);
[[nodiscard]] std::string lower_case(std::string_view text);
/// A method's or a field's name.
[[nodiscard]] bool is_token(std::string_view text);
/// A field's value: visible characters, SP, HTAB and octets above 127; no other control character
/// (RFC 9110 §5.5).
[[nodiscard]] bool is_field_value(std::string_view text);
/// Path and query (RFC 3986 §3.3, §3.4), beginning with '/': visible ASCII but `"<>\^{|}` and '#',
/// percent encoding whole.
[[nodiscard]] bool is_target(std::string_view text);
/// Without SP and HTAB on both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);
/// Decimal digits only, no sign, within 64 bits.
[[nodiscard]] std::optional<std::uint64_t> decimal(std::string_view text);

}  // namespace mintmark::http
