#include "agent/serve/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <limits>
#include <vector>

#include "http/text.h"

namespace mintmark::agent::serve {
namespace {

constexpr std::size_t entry_octets = 1U << 16U;

// All ones is the system's "nobody in particular" (chown(2)).
std::optional<std::uint32_t> id_in(const std::string& text) {
  const auto number = http::decimal(text);
  if (!number || *number >= std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

std::optional<uid_t> user_named(const std::string& name) {
  if (const auto number = id_in(name)) return number;
  std::vector<char> buffer(entry_octets);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr)
    return std::nullopt;
  return entry.pw_uid;
}

std::optional<gid_t> group_named(const std::string& name) {
  if (const auto number = id_in(name)) return number;
  std::vector<char> buffer(entry_octets);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr)
    return std::nullopt;
  return entry.gr_gid;
}

}  // namespace mintmark::agent::serve
