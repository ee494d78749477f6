#include "api/client_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace mintmark::api {
namespace {

std::string last_forwarded(const http::Request& request) {
  if (request.headers.count("X-Forwarded-For") != 1) return {};
  const std::string& all = *request.headers.find("X-Forwarded-For");
  const auto comma = all.rfind(',');
  const std::string last = comma == std::string::npos ? all : all.substr(comma + 1);
  const auto first = last.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return last.substr(first, last.find_last_not_of(" \t") - first + 1);
}

// "192.0.2.1:4711", "[2001:db8::1]:4711"
std::string without_port(const std::string& peer) {
  if (peer.starts_with('[')) return peer.substr(1, peer.find(']') - 1);
  return peer.substr(0, peer.rfind(':'));
}

std::string as_it_counts(const std::string& address) {
  in_addr ipv4{};
  if (inet_pton(AF_INET, address.c_str(), &ipv4) == 1) return address;
  in6_addr ipv6{};
  if (inet_pton(AF_INET6, address.c_str(), &ipv6) != 1) return "unknown";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
    inet_ntop(AF_INET, &ipv6.s6_addr[12], text.data(), text.size());
    return text.data();
  }
  std::fill(std::begin(ipv6.s6_addr) + 8, std::end(ipv6.s6_addr), std::uint8_t{0});
  inet_ntop(AF_INET6, &ipv6, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

}  // namespace

std::string client_address(const http::Request& request, bool behind_proxy) {
  return behind_proxy ? as_it_counts(last_forwarded(request)) : address_of_peer(request.peer);
}

std::string address_of_peer(const std::string& peer) { return as_it_counts(without_port(peer)); }

}  // namespace mintmark::api
