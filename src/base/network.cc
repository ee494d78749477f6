#include "base/network.h"

#include <arpa/inet.h>

#include <charconv>

namespace mintmark {
namespace {

bool bit_of(const std::array<std::uint8_t, 16>& octets, unsigned bit) {
  return ((octets.at(bit / 8) >> (7 - bit % 8)) & 1U) != 0;
}

// Digits alone: from_chars takes no sign where the number has none.
std::optional<unsigned> length_in(const std::string& text, std::size_t at) {
  unsigned length = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + at, end, length);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return length;
}

}  // namespace

std::optional<Network::Octets> Network::octets_of(const std::string& address) {
  Octets octets{};
  if (inet_pton(AF_INET6, address.c_str(), octets.data()) == 1) return octets;
  octets = {};
  octets[10] = octets[11] = 0xFF;
  if (inet_pton(AF_INET, address.c_str(), octets.data() + 12) == 1) return octets;
  return std::nullopt;
}

std::optional<Network> Network::parse(const std::string& text) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  const auto octets = octets_of(address);
  if (!octets) return std::nullopt;
  Network network;
  network.octets_ = *octets;
  if (slash == std::string::npos) return network;
  const unsigned before = address.find(':') == std::string::npos ? 96 : 0;
  const auto length = length_in(text, slash + 1);
  if (!length || *length > 128 - before) return std::nullopt;
  network.prefix_ = before + *length;
  for (unsigned bit = network.prefix_; bit < 128; ++bit) {
    if (bit_of(*octets, bit)) return std::nullopt;
  }
  return network;
}

bool Network::contains(const std::string& address) const {
  const auto octets = octets_of(address);
  if (!octets) return false;
  for (unsigned bit = 0; bit < prefix_; ++bit) {
    if (bit_of(*octets, bit) != bit_of(octets_, bit)) return false;
  }
  return true;
}

}  // namespace mintmark
