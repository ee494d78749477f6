#include "attest/eventlog/text.h"

#include <algorithm>

#include "base/text.h"

namespace mintmark::attest::eventlog {
namespace {

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t octet) { out += static_cast<char>(octet); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0U | point >> 6U);
    return put(0x80U | (point & 0x3FU));
  }
  if (point < 0x10000) {
    put(0xE0U | point >> 12U);
  } else {
    put(0xF0U | point >> 18U);
    put(0x80U | (point >> 12U & 0x3FU));
  }
  put(0x80U | (point >> 6U & 0x3FU));
  put(0x80U | (point & 0x3FU));
}

bool is_high(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

// False where something was not well-formed.
bool decode(BytesView octets, std::string& out) {
  const auto unit = [&](std::size_t i) {
    return std::uint32_t{octets[i]} | std::uint32_t{octets[i + 1]} << 8U;
  };
  bool good = octets.size() % 2 == 0;
  for (std::size_t i = 0; i + 1 < octets.size(); i += 2) {
    const std::uint32_t first = unit(i);
    if (first == 0) return good;
    if (!is_high(first) && !is_low(first)) {
      append_utf8(out, first);
      continue;
    }
    if (is_low(first) || i + 3 >= octets.size() || !is_low(unit(i + 2))) {
      out += '?';
      good = false;
      continue;
    }
    append_utf8(out, 0x10000 + ((first - 0xD800) << 10U) + (unit(i + 2) - 0xDC00));
    i += 2;
  }
  return good;
}

}  // namespace

std::optional<std::string> utf16_text(BytesView octets) {
  std::string out;
  if (!decode(octets, out)) return std::nullopt;
  return out;
}

std::string utf16_for_people(BytesView octets) {
  std::string out;
  decode(octets, out);
  return for_people(out);
}

std::string for_people(std::string_view text, std::size_t longest) {
  std::string out;
  while (!text.empty() && out.size() < longest) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    out += is_visible(text) ? text.substr(0, length) : "?";
    text.remove_prefix(length);
  }
  if (!text.empty()) out += "...";
  return out;
}

bool is_plain_text(BytesView octets) {
  if (!octets.empty() && octets.back() == 0) octets = octets.first(octets.size() - 1);
  return !octets.empty() && std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) {
    return (octet >= 0x20 && octet < 0x7F) || octet == '\n' || octet == '\t' || octet == '\r';
  });
}

BytesView without_terminators(BytesView octets) {
  while (!octets.empty() && octets.back() == 0) octets = octets.first(octets.size() - 1);
  return octets;
}

std::string guid_text(BytesView guid) {
  if (guid.size() != 16) return {};
  Bytes order;
  for (const std::size_t i : {3U, 2U, 1U, 0U, 5U, 4U, 7U, 6U, 8U, 9U, 10U, 11U, 12U, 13U, 14U, 15U})
    order.push_back(guid[i]);
  std::string text = to_hex(order);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) text.insert(dash, "-");
  return text;
}

}  // namespace mintmark::attest::eventlog
