#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace mintmark {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_ascii(std::string& out, char character) {
  const auto octet = static_cast<unsigned char>(character);
  if (character == '"' || character == '\\') {
    out += '\\';
    out += character;
    return;
  }
  if (octet >= 0x20 && octet != 0x7F) {
    out += character;
    return;
  }
  out += "\\u00";
  out += hex_digits[octet >> 4U];
  out += hex_digits[octet & 0x0FU];
}

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// Terminals obey U+009B as ESC [; the others hide text or turn its order (Unicode TR 36, §2).
constexpr std::array invisible = {
    Range{0x00, 0x1F},     Range{0x7F, 0x9F},     Range{0x061C, 0x061C},
    Range{0x200B, 0x200F}, Range{0x2028, 0x202E}, Range{0x2060, 0x206F},
    Range{0xFEFF, 0xFEFF}, Range{0xFFF9, 0xFFFB}, Range{0xE0000, 0xE007F},
};

// The sequence is well-formed.
std::uint32_t code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence.front());
  if (sequence.size() == 1) return first;
  std::uint32_t point = first & (0x7FU >> sequence.size());
  for (const char octet : sequence.substr(1))
    point = point << 6U | (static_cast<unsigned char>(octet) & 0x3FU);
  return point;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto within = [&](std::size_t at, unsigned low, unsigned high) {
    return at < text.size() && octet(at) >= low && octet(at) <= high;
  };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return within(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_visible(std::string_view text) {
  const std::size_t length = utf8_length(text);
  if (length == 0) return false;
  const std::uint32_t point = code_point(text.substr(0, length));
  return std::none_of(invisible.begin(), invisible.end(), [&](const Range& range) {
    return range.first <= point && point <= range.last;
  });
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (length == 1) {
      append_ascii(out, text.front());
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

}  // namespace mintmark
