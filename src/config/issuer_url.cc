#include "config/issuer_url.h"

#include <algorithm>

namespace mintmark::config {
namespace {

constexpr std::size_t longest_url = 512;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }
bool is_path_character(char c) {
  return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
         c == '~' || c == '/';
}

std::string wrong_with_port(std::string_view port) {
  const bool fits = !port.empty() && port.size() <= 5 &&
                    std::all_of(port.begin(), port.end(), is_digit) && port.front() != '0';
  if (fits && std::stoi(std::string(port)) <= 65535) return "";
  return "must have a port from 1 to 65535 after its last colon, or none";
}

std::string wrong_with_host(std::string_view host) {
  if (host.empty()) return "must have a host: https://issuer.example";
  if (host.front() == '[') {
    const bool fits = host.size() > 3 && host.back() == ']' &&
                      std::all_of(host.begin() + 1, host.end() - 1, [](char c) {
                        return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
                      });
    return fits ? "" : "must have an IPv6 address in lower case between [ and ]";
  }
  const bool fits = std::all_of(host.begin(), host.end(),
                                [](char c) { return is_lower_alnum(c) || c == '-' || c == '.'; });
  if (!fits) return "must have a host of lower-case letters, digits, - and . only";
  if (host.front() == '.' || host.back() == '.' || host.find("..") != std::string_view::npos) {
    return "must have no empty label in its host";
  }
  return "";
}

std::string wrong_with_authority(std::string_view authority) {
  if (authority.find('@') != std::string_view::npos)
    return "must have no user name before its host";
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (!has_port) return wrong_with_host(authority);
  const std::string host = wrong_with_host(authority.substr(0, colon));
  return host.empty() ? wrong_with_port(authority.substr(colon + 1)) : host;
}

std::string wrong_with_path(std::string_view path) {
  if (path.empty()) return "";
  if (path.back() == '/') return "must not end with a slash";
  if (!std::all_of(path.begin(), path.end(), is_path_character)) {
    return "must have a path of letters, digits, - . _ ~ and / only";
  }
  std::string_view rest = path;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment.empty() || segment == "." || segment == "..") {
      return "must have no empty, . or .. segment in its path";
    }
    rest.remove_prefix(segment.size());
  }
  return "";
}

}  // namespace

std::string wrong_with_issuer(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (url.size() > longest_url) return "must be at most 512 octets long";
  if (!url.starts_with(scheme)) return "must be an https URL: https://issuer.example";
  url.remove_prefix(scheme.size());
  if (url.find('#') != std::string_view::npos) return "must have no fragment (#…)";
  if (url.find('?') != std::string_view::npos) return "must have no query (?…)";
  const std::size_t slash = url.find('/');
  std::string authority = wrong_with_authority(url.substr(0, slash));
  if (!authority.empty() || slash == std::string_view::npos) return authority;
  return wrong_with_path(url.substr(slash));
}

}  // namespace mintmark::config
