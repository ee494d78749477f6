// CBOR as a test wants it written (RFC 8949 §3), deterministic.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace mintmark::test::cbor {

using Members = std::vector<std::pair<Bytes, Bytes>>;

/// The head of an item of that major type, shortest.
inline Bytes head(unsigned major, std::uint64_t value) {
  const auto first = [&](unsigned low) { return static_cast<std::uint8_t>(major << 5U | low); };
  if (value < 24) return {first(static_cast<unsigned>(value))};
  unsigned length = value > 0xFFFFFFFFU ? 8U : value > 0xFFFFU ? 4U : value > 0xFFU ? 2U : 1U;
  Bytes octets{first(length == 1 ? 24U : length == 2 ? 25U : length == 4 ? 26U : 27U)};
  while (length > 0) octets.push_back(static_cast<std::uint8_t>(value >> (8U * --length)));
  return octets;
}

inline Bytes joined(Bytes before, BytesView after) {
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

inline Bytes number(std::int64_t value) {
  return value >= 0 ? head(0, static_cast<std::uint64_t>(value))
                    : head(1, static_cast<std::uint64_t>(-1 - value));
}
inline Bytes octets(BytesView value) { return joined(head(2, value.size()), value); }
inline Bytes text(std::string_view value) { return joined(head(3, value.size()), as_bytes(value)); }
inline Bytes null() { return {0xF6}; }
inline Bytes boolean(bool value) { return {static_cast<std::uint8_t>(value ? 0xF5 : 0xF4)}; }
inline Bytes tagged(std::uint64_t tag, const Bytes& item) { return joined(head(6, tag), item); }

inline Bytes array(const std::vector<Bytes>& items) {
  Bytes all = head(4, items.size());
  for (const Bytes& item : items) all = joined(std::move(all), item);
  return all;
}
inline Bytes map(const Members& members) {
  Bytes all = head(5, members.size());
  for (const auto& [key, value] : members) all = joined(joined(std::move(all), key), value);
  return all;
}

/// What COSE_Sign1 signs, without external data (RFC 9052 §4.4).
inline Bytes sig_structure(const Bytes& protected_header, const Bytes& payload) {
  return array({text("Signature1"), octets(protected_header), octets({}), octets(payload)});
}
inline Bytes sign1(const Bytes& protected_header, const Bytes& payload, const Bytes& signature) {
  return array({octets(protected_header), map({}), octets(payload), octets(signature)});
}

}  // namespace mintmark::test::cbor
