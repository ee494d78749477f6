#include "revoke/signals/endpoint_rules.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "http/url.h"

namespace mintmark::revoke::signals {
namespace {

constexpr std::size_t longest_url = 1024;

bool any_contains(const std::vector<Network>& networks, const std::string& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

std::vector<Network> parsed(std::initializer_list<const char*> texts) {
  std::vector<Network> networks;
  for (const char* text : texts) networks.push_back(Network::parse(text).value());
  return networks;
}

/// Of IPv4: what IANA's registry of special-purpose addresses does not call globally reachable,
/// multicast, and what is reserved.
const std::vector<Network>& special_ipv4() {
  static const std::vector<Network> networks =
      parsed({"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
              "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
              "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"});
  return networks;
}

/// Of IPv6 only 2000::/3 is given to anybody; in it, what carries IPv4 (6to4, Teredo) or is for
/// protocols and documents.
bool is_public_ipv6(const std::string& address) {
  static const std::vector<Network> given = parsed({"2000::/3"});
  static const std::vector<Network> special =
      parsed({"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"});
  return any_contains(given, address) && !any_contains(special, address);
}

bool is_address(const std::string& host) { return Network::parse(host).has_value(); }

bool is_name_of_this_machine(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host.ends_with('.');
}

}  // namespace

bool EndpointRules::may_call(const std::string& address) const {
  if (!is_address(address)) return false;
  if (any_contains(allowed_, address)) return true;
  static const std::vector<Network> ipv4 = parsed({"0.0.0.0/0"});
  return any_contains(ipv4, address) ? !any_contains(special_ipv4(), address)
                                     : is_public_ipv6(address);
}

Result<void> EndpointRules::check(const std::string& text) const {
  const auto refuse = [](const std::string& why) {
    return fail(Code::ssf_endpoint_refused, "delivery.endpoint_url " + why);
  };
  if (text.size() > longest_url) return refuse("is longer than 1,024 octets");
  const auto url = http::parse_url(text);
  if (!url) return refuse("is no URL: " + url.error().detail);
  if (url->scheme != "https") return refuse("must begin with https://");
  const bool own = is_name_of_this_machine(url->host);
  const bool good = own                     ? may_call("127.0.0.1") || may_call("::1")
                    : is_address(url->host) ? may_call(url->host)
                                            : true;
  if (good) return {};
  return refuse("leads to " + printable(url->host) +
                ", which is no public address and in none of the issuer's push_networks");
}

}  // namespace mintmark::revoke::signals
