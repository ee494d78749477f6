#include "agent/serve/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <limits>
#include <sstream>
#include <vector>

#include "base/file.h"
#include "http/text.h"

namespace mintmark::agent::serve {
namespace {

constexpr std::size_t entry_octets = 1U << 16U;
constexpr std::uint32_t usual_overflow = 65'534;

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

bool stands_for_others(std::uint32_t id, const std::string& overflow, const std::string& map) {
  std::istringstream said(overflow);
  std::uint32_t everybody = 0;
  if (!(said >> everybody)) everybody = usual_overflow;
  if (everybody != id) return false;
  // One line that maps all numbers to themselves: everybody is known.
  std::istringstream lines(map);
  std::uint64_t inside = 1;
  std::uint64_t outside = 1;
  std::uint64_t length = 0;
  lines >> inside >> outside >> length;
  const bool knows_all =
      inside == 0 && outside == 0 && length >= std::numeric_limits<std::uint32_t>::max();
  return !knows_all;
}

bool stands_for_others(std::uint32_t id, const std::string& kind) {
  const auto overflow = read_file("/proc/sys/kernel/overflow" + kind);
  const auto map = read_file("/proc/self/" + kind + "_map");
  return stands_for_others(id, overflow.value_or(""), map.value_or(""));
}

}  // namespace mintmark::agent::serve
