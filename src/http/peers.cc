#include "http/peers.h"

#include <algorithm>

namespace mintmark::http {
namespace {

// "127.0.0.1:4711", "[::1]:4711"
std::string address_of(const std::string& peer) {
  const auto colon = peer.rfind(':');
  if (colon == std::string::npos) return {};
  if (peer.front() == '[' && colon >= 2) return peer.substr(1, colon - 2);
  return peer.substr(0, colon);
}

}  // namespace

bool Peers::trust(const Request& request) const {
  if (request.local_peer)
    return std::find(users.begin(), users.end(), request.local_peer->user) != users.end();
  const std::string address = address_of(request.peer);
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

}  // namespace mintmark::http
