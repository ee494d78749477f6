// Users and groups of this machine, by name or number.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace mintmark::agent::serve {

/// "www-data" or "33"; nothing where there is no such account. A number need be nobody's.
[[nodiscard]] std::optional<uid_t> user_named(const std::string& name);
[[nodiscard]] std::optional<gid_t> group_named(const std::string& name);

}  // namespace mintmark::agent::serve
