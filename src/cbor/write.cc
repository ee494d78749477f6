#include "cbor/write.h"

namespace mintmark::cbor {
namespace {

enum class Major : std::uint8_t {
  positive = 0,
  negative = 1,
  octets = 2,
  text = 3,
  array = 4,
  map = 5,
  tag = 6
};

constexpr std::uint64_t most_in_head = 23;

Bytes head(Major major, std::uint64_t value) {
  const auto first = [&](unsigned low) {
    return static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5U | low);
  };
  if (value <= most_in_head) return {first(static_cast<unsigned>(value))};
  // RFC 8949 §3: 24 to 27 say that one, two, four or eight octets follow.
  unsigned length = 1;
  unsigned low = 24;
  while (length < sizeof value && value >> (8U * length) != 0) {
    length *= 2;
    ++low;
  }
  Bytes written{first(low)};
  while (length > 0) written.push_back(static_cast<std::uint8_t>(value >> (8U * --length)));
  return written;
}

}  // namespace

Bytes joined(Bytes before, BytesView after) {
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

Bytes number(std::int64_t value) {
  return value >= 0 ? head(Major::positive, static_cast<std::uint64_t>(value))
                    : head(Major::negative, static_cast<std::uint64_t>(-1 - value));
}

Bytes octets(BytesView value) { return joined(head(Major::octets, value.size()), value); }

Bytes text(std::string_view value) {
  return joined(head(Major::text, value.size()), as_bytes(value));
}

Bytes null() { return {0xF6}; }

Bytes boolean(bool value) { return {static_cast<std::uint8_t>(value ? 0xF5 : 0xF4)}; }

Bytes tagged(std::uint64_t tag, BytesView item) { return joined(head(Major::tag, tag), item); }

Bytes array(const std::vector<Bytes>& items) {
  Bytes all = head(Major::array, items.size());
  for (const Bytes& item : items) all = joined(std::move(all), item);
  return all;
}

Bytes map(const Members& members) {
  Bytes all = head(Major::map, members.size());
  for (const auto& [key, value] : members) all = joined(joined(std::move(all), key), value);
  return all;
}

Bytes sig_structure(BytesView protected_header, BytesView payload) {
  return array({text("Signature1"), octets(protected_header), octets({}), octets(payload)});
}

Bytes sign1(BytesView protected_header, BytesView payload, BytesView signature) {
  return array({octets(protected_header), map({}), octets(payload), octets(signature)});
}

}  // namespace mintmark::cbor
