// A network namespace of a process's own (network_namespaces(7)): one that has nothing in it, not
// even a loopback that is up, and no abstract AF_UNIX sockets but its own.
#pragma once

#include <string>

#include "base/error.h"

namespace mintmark::mintd {

/// Names the namespace of this process, e.g. "4026531840"; "" where the kernel shows none. Compared
/// with what another process says of itself.
[[nodiscard]] std::string network_namespace();

/// Leaves the namespace `shared`, unless whoever started this process saw to that: by privilege, or
/// by a user namespace in which this user is himself and may nothing. `hsm_sandbox_failed`, with
/// the kernel's reason: nothing has changed. Wants a process of one thread.
[[nodiscard]] Result<void> leave_network(const std::string& shared);

}  // namespace mintmark::mintd
