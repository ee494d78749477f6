#include "revoke/signals/subjects.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace mintmark::revoke::signals {
namespace {

constexpr std::size_t longest_subject = 1024;
constexpr std::size_t most_aliases = 8;

using Names = std::vector<const char*>;

/// RFC 9493 §3.2 and SSF 1.0 §3.5: what stands beside "format".
const std::map<std::string_view, Names>& formats() {
  static const std::map<std::string_view, Names> all{
      {"account", {"uri"}},
      {"did", {"url"}},
      {"email", {"email"}},
      {"iss_sub", {"iss", "sub"}},
      {"jwt_id", {"iss", "jti"}},
      {"opaque", {"id"}},
      {"phone_number", {"phone_number"}},
      {"saml_assertion_id", {"issuer", "assertion_id"}},
      {"uri", {"uri"}}};
  return all;
}

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::ssf_subject_malformed, "the subject " + what);
}

std::string format_of(const Json& subject) {
  if (!subject.is_object()) return {};
  const auto format = subject.find("format");
  return format != subject.end() && format->is_string() ? format->get<std::string>() : "";
}

Result<void> check_texts(const Json& subject, const std::string& format, const Names& names) {
  for (const char* name : names) {
    const auto member = subject.find(name);
    if (member == subject.end() || !member->is_string() ||
        member->get_ref<const std::string&>().empty())
      return malformed("of format " + format + " must have \"" + name + "\", a text");
  }
  if (subject.size() != names.size() + 1)
    return malformed("of format " + format + " has members that this format has not");
  return {};
}

Result<void> check_addresses(const Json& subject) {
  const auto addresses = subject.find("ip-addresses");
  const bool good = addresses != subject.end() && addresses->is_array() && !addresses->empty() &&
                    std::all_of(addresses->begin(), addresses->end(),
                                [](const Json& one) { return one.is_string(); });
  if (!good || subject.size() != 2)
    return malformed("of format ip-addresses must have \"ip-addresses\", an array of texts");
  return {};
}

Result<void> check_simple(const Json& subject) {
  const std::string format = format_of(subject);
  if (format == "ip-addresses") return check_addresses(subject);
  const auto known = formats().find(format);
  if (known != formats().end()) return check_texts(subject, format, known->second);
  return malformed(format.empty() ? "must be an object with \"format\""
                                  : "has a format that is not known here: " + printable(format));
}

Result<void> check_each(const Json& members, const char* kind) {
  for (const auto& [name, member] : members.items()) {
    if (name == "format" && members.is_object()) continue;
    if (auto good = check_simple(member); !good) return good;
  }
  if (members.size() < (members.is_object() ? 2U : 1U))
    return malformed(std::string("of format ") + kind + " names nobody");
  return {};
}

Result<void> check_aliases(const Json& subject) {
  const auto identifiers = subject.find("identifiers");
  if (identifiers == subject.end() || !identifiers->is_array() || subject.size() != 2 ||
      identifiers->size() > most_aliases)
    return malformed("of format aliases must have \"identifiers\", an array of at most 8 subjects");
  return check_each(*identifiers, "aliases");
}

}  // namespace

Result<void> check_subject(const Json& subject) {
  if (!subject.is_object()) return malformed("must be an object with \"format\"");
  if (subject.dump().size() > longest_subject) return malformed("is longer than 1,024 octets");
  const std::string format = format_of(subject);
  if (format == "complex") return check_each(subject, "complex");
  if (format == "aliases") return check_aliases(subject);
  return check_simple(subject);
}

bool takes_away(const Json& removed, const Json& subject) {
  if (removed == subject) return true;
  if (format_of(removed) != "complex" || format_of(subject) != "complex") return false;
  for (const auto& [name, member] : removed.items()) {
    const auto same = subject.find(name);
    if (same == subject.end() || *same != member) return false;
  }
  return true;
}

}  // namespace mintmark::revoke::signals
