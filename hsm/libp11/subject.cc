#include "hsm/libp11/subject.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace mintmark::hsm::libp11 {
namespace {

tl::unexpected<Error> refused(const std::string& what) {
  return fail(Code::invalid_argument,
              "--subject " + what + R"(; write it as "/C=DE/O=Example/CN=issuer.example")");
}

/// The parts between unescaped slashes, escapes taken off.
Result<std::vector<std::string>> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '/') {
      parts.emplace_back();
    } else if (c == '+') {
      return refused("has a + (\\+ for one in a value; parts of several values are not made)");
    } else if (c == '\\') {
      if (++at == text.size()) return refused("ends in a \\");
      parts.back() += text[at];
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool is_label(std::string_view label) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), fits);
}

}  // namespace

Result<SubjectParts> parse_subject(std::string_view text) {
  if (text.empty() || text.front() != '/') return refused("does not begin with /");
  if (!is_utf8(text)) return refused("is no UTF-8");
  auto parts = split(text);
  if (!parts) return pass_on(parts);
  SubjectParts named;
  for (const std::string& part : *parts) {
    const auto equals = part.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == part.size())
      return refused("has a part that is no TYPE=VALUE: \"" + printable(part) + "\"");
    named.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  return named;
}

Result<void> require_dns_name(std::string_view name) {
  std::string_view rest = name;
  if (rest.starts_with("*.")) rest.remove_prefix(2);
  bool good = !rest.empty() && name.size() <= 253;
  while (good && !rest.empty()) {
    const auto dot = rest.find('.');
    good = is_label(rest.substr(0, dot)) && dot + 1 != rest.size();
    rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  }
  if (good) return {};
  return fail(Code::invalid_argument,
              "--dns must be a DNS name, such as issuer.example, not \"" + printable(name) + "\"");
}

}  // namespace mintmark::hsm::libp11
