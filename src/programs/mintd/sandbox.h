// Shuts a signer in, before it loads a vendor's module (docs/adr/0015).
#pragma once

#include <string>

#include "base/error.h"
#include "config/config.h"
#include "hsm/vitals.h"

namespace mintmark::mintd {

struct SandboxReport {
  hsm::Vitals::Sandbox in_force;
  std::string why_no_namespace;  ///< Where it was asked for and could not be had.
};

/// After shut_in(), while this process has one thread. `keepers_network`: network_namespace() of
/// who started it. What was asked for holds when this returns, or is `hsm_sandbox_failed`; but for
/// the namespace, which not every kernel gives (the filter of sockets holds without it), for locked
/// memory, and in a build with sanitizers, which make calls of their own, for the filter of all
/// calls: the report says so.
[[nodiscard]] Result<SandboxReport> enter_sandbox(const config::Sandbox& wanted,
                                                  const std::string& keepers_network);

/// One line, `signer_sandbox`: what is in force, and why not what was asked for.
void log_sandbox(const std::string& store, const config::Sandbox& wanted,
                 const SandboxReport& report);

}  // namespace mintmark::mintd
