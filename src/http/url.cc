#include "http/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "http/text.h"

namespace mintmark::http {
namespace {

/// RFC 1035 §2.3.4: the longest name.
constexpr std::size_t longest_host = 253;

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

tl::unexpected<Error> malformed(std::string detail) {
  return fail(Code::http_malformed, std::move(detail));
}

/// unreserved and sub-delims of RFC 3986 §2; percent encoding in a host is left out: no name has
/// it.
bool is_host_character(char character) {
  return is_alphanumeric(character) ||
         std::string_view("-._~!$&'()*+,;=").find(character) != std::string_view::npos;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto number = decimal(text);
  if (!number || *number == 0 || *number > 65535) {
    return malformed("port \"" + printable(text) + "\" is not a number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(*number);
}

Result<std::pair<std::string, std::string_view>> split_ipv6(std::string_view text) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return malformed("'[' without ']' in the host");
  std::string host = lower_case(text.substr(1, end - 1));
  if (!is_ipv6(host)) return malformed("what stands in brackets is no IPv6 address");
  return std::pair{std::move(host), text.substr(end + 1)};
}

Result<std::pair<std::string, std::string_view>> split_host(std::string_view text) {
  if (text.starts_with('[')) return split_ipv6(text);
  const std::string_view host = text.substr(0, text.find(':'));
  if (host.empty()) return malformed("the host is empty");
  if (host.size() > longest_host) return malformed("the host is longer than 253 octets");
  if (!std::all_of(host.begin(), host.end(), is_host_character)) {
    return malformed("\"" + printable(host) + "\" has a character that no host has");
  }
  return std::pair{lower_case(host), text.substr(host.size())};
}

Result<std::string> target_of(std::string_view text) {
  if (text.find('#') != std::string_view::npos) return malformed("a URL with a fragment");
  std::string target = text.starts_with('/') ? "" : "/";
  target += text;
  if (!is_target(target)) {
    return malformed("the path or query has a character that must be percent-encoded");
  }
  return target;
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != default_port(scheme)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const { return scheme + "://" + authority(); }

Result<HostPort> parse_host_port(std::string_view text) {
  auto split = split_host(text);
  if (!split) return pass_on(split);
  auto& [host, rest] = *split;
  if (rest.empty()) return HostPort{std::move(host), 0};
  if (rest.front() != ':') return malformed("something other than a port behind the host");
  auto port = parse_port(rest.substr(1));
  if (!port) return pass_on(port);
  return HostPort{std::move(host), *port};
}

Result<Url> parse_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return malformed("not an absolute URL (https://host/path)");
  Url url;
  url.scheme = lower_case(text.substr(0, colon));
  if (url.scheme != "https" && url.scheme != "http") {
    return malformed("\"" + printable(url.scheme) + "\" is neither http nor https");
  }
  const std::string_view rest = text.substr(colon + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) return malformed("a URL with userinfo");
  auto place = parse_host_port(authority);
  if (!place) return pass_on(place);
  url.host = std::move(place->host);
  url.port = place->port == 0 ? default_port(url.scheme) : place->port;
  auto target = target_of(rest.substr(authority.size()));
  if (!target) return pass_on(target);
  url.target = *std::move(target);
  return url;
}

}  // namespace mintmark::http
