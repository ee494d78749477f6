#include "gate/peers.h"

#include <arpa/inet.h>

#include <algorithm>

#include "http/text.h"

namespace mintmark::gate {
namespace {

bool bit_of(const std::array<std::uint8_t, 16>& octets, unsigned bit) {
  return ((octets.at(bit / 8) >> (7 - bit % 8)) & 1U) != 0;
}

// "127.0.0.1:4711", "[::1]:4711"
std::string address_of(const std::string& peer) {
  const auto colon = peer.rfind(':');
  if (colon == std::string::npos) return {};
  if (peer.front() == '[' && colon >= 2) return peer.substr(1, colon - 2);
  return peer.substr(0, colon);
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
  const auto length = http::decimal(std::string_view(text).substr(slash + 1));
  if (!length || *length > 128 - before) return std::nullopt;
  network.prefix_ = before + static_cast<unsigned>(*length);
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

bool Peers::trust(const http::Request& check) const {
  if (check.local_peer)
    return std::find(users.begin(), users.end(), check.local_peer->user) != users.end();
  const std::string address = address_of(check.peer);
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

}  // namespace mintmark::gate
