// Users and groups of this machine, by name or number.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace mintmark::agent::serve {

/// "www-data" or "33"; nothing where there is no such account. A number need be nobody's.
[[nodiscard]] std::optional<uid_t> user_named(const std::string& name);
[[nodiscard]] std::optional<gid_t> group_named(const std::string& name);

/// In a user namespace the kernel names everybody whom its map does not have by one number (65534,
/// "nobody"): a rule for it would be a rule for them all. `kind`: "uid" or "gid".
[[nodiscard]] bool stands_for_others(std::uint32_t id, const std::string& kind);
/// The same by what the system says: `overflow` as in /proc/sys/kernel/overflowuid, `map` as in
/// /proc/self/uid_map (user_namespaces(7)).
[[nodiscard]] bool stands_for_others(std::uint32_t id, const std::string& overflow,
                                     const std::string& map);

}  // namespace mintmark::agent::serve
