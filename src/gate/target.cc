#include "gate/target.h"

#include <algorithm>

#include "base/text.h"
#include "http/text.h"

namespace mintmark::gate {
namespace {

tl::unexpected<Error> malformed(std::string detail) {
  return fail(Code::gate_path_malformed, "the path " + std::move(detail));
}
tl::unexpected<Error> ambiguous(std::string detail) {
  return fail(Code::gate_path_ambiguous,
              "the path " + std::move(detail) + ", which servers read in more than one way");
}

bool is_encoded_at(std::string_view text, std::size_t at) {
  return at + 2 < text.size() && text[at] == '%' && http::hex_value(text[at + 1]) >= 0 &&
         http::hex_value(text[at + 2]) >= 0;
}

// RFC 3986 §3.3, pchar and '/', before decoding.
bool is_path_character(char c) {
  return http::is_alphanumeric(c) ||
         std::string_view("-._~!$&'()*+,;=:@/%").find(c) != std::string_view::npos;
}

// What stands there in the raw path; '%' only where it begins an octet.
Result<void> check_raw(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '\\') return ambiguous("has a backslash");
    if (c == '#') return malformed("has a fragment behind it; clients keep those to themselves");
    if (!is_path_character(c)) return malformed("has a character that must be percent-encoded");
    if (c == '%' && !is_encoded_at(path, i))
      return malformed("has a '%' without two hexadecimal digits");
  }
  return {};
}

Result<std::string> decode(std::string_view path) {
  std::string decoded;
  decoded.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    const auto octet =
        static_cast<char>(http::hex_value(path[i + 1]) * 16 + http::hex_value(path[i + 2]));
    i += 2;
    // RFC 3986 §6.2.2.2: the same path, but not to servers that look at it as it came.
    if (http::is_alphanumeric(octet) ||
        std::string_view("-._~").find(octet) != std::string_view::npos)
      return ambiguous("has a character percent-encoded that needs no encoding");
    if (std::string_view("/\\?#").find(octet) != std::string_view::npos)
      return ambiguous("has an encoded '/', '\\', '?' or '#'");
    decoded += octet;
  }
  return decoded;
}

Result<void> check_decoded(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto octet = static_cast<unsigned char>(path[i]);
    if (octet < 0x20 || octet == 0x7F) return malformed("has a control character");
    if (octet == ';') return ambiguous("has a ';'");
    if (is_encoded_at(path, i)) return ambiguous("is percent-encoded twice");
  }
  if (!is_utf8(path)) return malformed("is no UTF-8");
  return {};
}

// Spaces behind dots: filesystems drop them.
bool is_dot_segment(std::string_view segment) {
  segment = segment.substr(0, segment.find_last_not_of(' ') + 1);
  return segment == "." || segment == "..";
}

Result<void> check_segments(std::string_view path) {
  std::size_t begin = 1;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const auto segment = path.substr(begin, end - begin);
    if (segment.empty()) return ambiguous("has an empty segment");
    if (is_dot_segment(segment)) return ambiguous("has a \".\" or \"..\" segment");
    begin = end + 1;
  }
  return {};
}

bool is_absolute(std::string_view text) {
  const auto end = text.find_first_of(":/?#");
  return end != std::string_view::npos && end != 0 && text.substr(end, 3) == "://";
}

// The path and what follows it.
Result<std::string_view> without_origin(std::string_view text, std::string_view origin) {
  if (!is_absolute(text)) return text;
  const auto rest = text.substr(std::min(origin.size(), text.size()));
  const bool own = text.starts_with(origin) && (rest.empty() || rest[0] == '/' || rest[0] == '?');
  if (!own)
    return fail(Code::gate_origin_unknown, "the request target names another origin than its Host");
  return rest;
}

}  // namespace

Result<Target> read_target(std::string_view text, std::string_view origin) {
  const auto rest = without_origin(text, origin);
  if (!rest) return tl::unexpected<Error>(rest.error());
  const auto raw = rest->substr(0, rest->find('?'));
  if (raw.empty() || raw[0] != '/') return malformed("does not begin with '/'");
  if (raw.size() > longest_path) {
    return malformed("is " + std::to_string(raw.size()) + " octets long; " +
                     std::to_string(longest_path) + " are taken");
  }
  if (rest->substr(raw.size()).find('#') != std::string_view::npos)
    return malformed("has a fragment behind it; clients keep those to themselves");
  if (auto checked = check_raw(raw); !checked) return pass_on(checked);
  auto path = decode(raw);
  if (!path) return pass_on(path);
  if (auto checked = check_decoded(*path); !checked) return pass_on(checked);
  if (auto checked = check_segments(*path); !checked) return pass_on(checked);
  return Target{raw, std::move(*path)};
}

}  // namespace mintmark::gate
