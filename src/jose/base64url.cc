#include "jose/base64url.h"

#include <array>

namespace mintmark::jose {
namespace {

constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view plain_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t foreign = 0xFF;

constexpr std::array<std::uint8_t, 256> values_of(std::string_view alphabet) {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = foreign;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr auto url_values = values_of(url_alphabet);
constexpr auto plain_values = values_of(plain_alphabet);

std::string encode(BytesView bytes, std::string_view alphabet) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16U |
                                static_cast<std::uint32_t>(bytes[i + 1]) << 8U | bytes[i + 2];
    text += alphabet[group >> 18U];
    text += alphabet[group >> 12U & 63U];
    text += alphabet[group >> 6U & 63U];
    text += alphabet[group & 63U];
  }
  if (bytes.size() - i == 1) {
    const std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 4U;
    text += alphabet[group >> 6U];
    text += alphabet[group & 63U];
  } else if (bytes.size() - i == 2) {
    const std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 10U |
                                static_cast<std::uint32_t>(bytes[i + 1]) << 2U;
    text += alphabet[group >> 12U];
    text += alphabet[group >> 6U & 63U];
    text += alphabet[group & 63U];
  }
  return text;
}

Result<Bytes> decode(std::string_view text, const std::array<std::uint8_t, 256>& values) {
  if (text.size() % 4 == 1) return fail(Code::base64_malformed, "no base64 text has this length");
  Bytes bytes(text.size() * 3 / 4);
  std::uint8_t* next = bytes.data();
  const auto value_at = [&](std::size_t i) {
    return std::uint32_t{values[static_cast<std::uint8_t>(text[i])]};
  };
  // Four characters at once; the values of the alphabet leave the two high bits, which `foreign`
  // has, clear.
  for (; text.size() >= 4; text.remove_prefix(4)) {
    const std::uint32_t a = value_at(0), b = value_at(1), c = value_at(2), d = value_at(3);
    if (((a | b | c | d) & 0xC0U) != 0)
      return fail(Code::base64_malformed, "a character outside the alphabet");
    *next++ = static_cast<std::uint8_t>(a << 2U | b >> 4U);
    *next++ = static_cast<std::uint8_t>(b << 4U | c >> 2U);
    *next++ = static_cast<std::uint8_t>(c << 6U | d);
  }
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::uint8_t value = values[static_cast<std::uint8_t>(c)];
    if (value == foreign) return fail(Code::base64_malformed, "a character outside the alphabet");
    group = group << 6U | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *next++ = static_cast<std::uint8_t>(group >> bits & 0xFFU);
    }
  }
  // Two texts must never decode to the same octets.
  if ((group & ((1U << bits) - 1U)) != 0)
    return fail(Code::base64_malformed, "unused bits are not zero");
  return bytes;
}

}  // namespace

std::string base64url(BytesView bytes) { return encode(bytes, url_alphabet); }

Result<Bytes> from_base64url(std::string_view text) { return decode(text, url_values); }

std::string base64(BytesView bytes) {
  std::string text = encode(bytes, plain_alphabet);
  while (text.size() % 4 != 0) text += '=';
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Code::base64_malformed, "base64 comes in groups of four");
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding)
    text.remove_suffix(1);
  return decode(text, plain_values);
}

std::string random_name(std::size_t octets) {
  std::string name;
  do {
    name = base64url(random_bytes(octets));
  } while (name.starts_with('-'));
  return name;
}

}  // namespace mintmark::jose
