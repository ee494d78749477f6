#include "verify/request_url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace mintmark::verify {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// RFC 3986 §2.3 and §2.2.
bool is_unreserved(char c) { return is_letter(c) || is_digit(c) || is_one_of(c, "-._~"); }
bool is_path_character(char c) {
  return is_unreserved(c) || c == '/' || is_one_of(c, "!$&'()*+,;=:@");
}
// A registered name without percent encoding, which no name of a server has.
bool is_host_character(char c) { return is_unreserved(c) || is_one_of(c, "!$&'()*+,;="); }
bool is_ipv6_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::optional<unsigned> hex_value(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// RFC 3986 §6.2.2.1 and §6.2.2.2: %2d is '-', %2f stays encoded, as %2F.
std::optional<std::string> normal_escapes(std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      if (!is_path_character(path[i])) return std::nullopt;
      out += path[i];
      continue;
    }
    if (i + 2 >= path.size()) return std::nullopt;
    const auto high = hex_value(path[i + 1]);
    const auto low = hex_value(path[i + 2]);
    if (!high || !low) return std::nullopt;
    i += 2;
    const char decoded = static_cast<char>(*high << 4U | *low);
    if (is_unreserved(decoded)) {
      out += decoded;
    } else {
      out += {'%', digits[*high], digits[*low]};
    }
  }
  return out;
}

// RFC 3986 §5.2.4 for a path that begins with '/'.
std::string without_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    if (segment == "/." || segment == "/..") {
      if (segment == "/..") out.resize(out.empty() ? 0 : out.rfind('/'));
      if (path.empty()) out += '/';
    } else {
      out += segment;
    }
  }
  return out;
}

// ":8443" or "" -> ":8443", "" for the scheme's own.
std::optional<std::string> normal_port(std::string_view text, std::string_view scheme) {
  if (text.empty() || text == ":") return "";
  text.remove_prefix(1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  if (port == (scheme == "https" ? 443 : 80)) return "";
  return ":" + std::to_string(port);
}

std::optional<std::string> normal_authority(std::string_view text, std::string_view scheme) {
  const bool ipv6 = !text.empty() && text.front() == '[';
  const std::size_t end = ipv6 ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return std::nullopt;
  const std::string host = lower(ipv6 ? text.substr(1, end - 1) : text.substr(0, end));
  const std::string_view rest = text.substr(ipv6 ? end + 1 : end);
  const auto fits = ipv6 ? is_ipv6_character : is_host_character;
  if (host.empty() || !std::all_of(host.begin(), host.end(), fits)) return std::nullopt;
  if (!rest.empty() && rest.front() != ':') return std::nullopt;
  const auto port = normal_port(rest, scheme);
  if (!port) return std::nullopt;
  return (ipv6 ? "[" + host + "]" : host) + *port;
}

}  // namespace

std::optional<std::string> normal_request_url(std::string_view url) {
  if (url.size() > request_url_octets) return std::nullopt;
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string scheme = lower(url.substr(0, colon));
  if (scheme != "https" && scheme != "http") return std::nullopt;
  std::string_view rest = url.substr(colon + 3);
  // A query or fragment ends the authority too (RFC 3986 §3.2): "https://evil#@good/" is at evil.
  rest = rest.substr(0, rest.find_first_of("?#"));
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const auto authority = normal_authority(rest.substr(0, slash), scheme);
  if (!authority) return std::nullopt;
  const auto path = normal_escapes(slash == rest.size() ? "/" : rest.substr(slash));
  if (!path) return std::nullopt;
  return scheme + "://" + *authority + without_dot_segments(*path);
}

bool is_surely_normal(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (url.size() > request_url_octets || url.substr(0, scheme.size()) != scheme) return false;
  url.remove_prefix(scheme.size());
  const std::size_t slash = url.find('/');
  if (slash == 0 || slash == std::string_view::npos) return false;
  const auto host_fits = [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.';
  };
  const auto* path = url.data() + slash;
  const auto* end = url.data() + url.size();
  return std::all_of(url.data(), path, host_fits) && std::all_of(path, end, is_path_character) &&
         url.find("/.", slash) == std::string_view::npos;
}

}  // namespace mintmark::verify
