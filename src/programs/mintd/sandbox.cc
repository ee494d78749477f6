#include "programs/mintd/sandbox.h"

#include <sys/resource.h>

#include "base/secret.h"
#include "programs/mintd/call_filter.h"
#include "programs/mintd/network_namespace.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

#ifdef MINTMARK_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

/// As the PIN will be.
bool can_lock_memory() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_MEMLOCK, &limit);
  }
  return Secret(std::string_view("none")).locked();
}

std::string network_words(const config::Sandbox& wanted, const SandboxReport& report) {
  if (wanted.network) return "host";
  if (report.in_force.own_network) return "none: by namespace and filter";
  return "none: by filter alone (" + report.why_no_namespace + ")";
}

std::string calls_words(const config::Sandbox& wanted, const SandboxReport& report) {
  if (!wanted.seccomp) return "off";
  return report.in_force.known_calls_only ? "on" : "off: a build with sanitizers";
}

}  // namespace

Result<SandboxReport> enter_sandbox(const config::Sandbox& wanted,
                                    const std::string& keepers_network) {
  SandboxReport report;
  report.in_force.entered = true;
  report.in_force.memory_locked = can_lock_memory();
  if (!wanted.network) {
    const auto left = leave_network(keepers_network);
    report.in_force.own_network = left.has_value();
    if (!left) report.why_no_namespace = left.error().detail;
  }
  // The last: it refuses what was done above.
  if (wanted.seccomp && !sanitized) {
    if (auto filtered = allow_known_calls(wanted.network); !filtered) return pass_on(filtered);
    report.in_force.known_calls_only = true;
  } else if (!wanted.network) {
    if (auto filtered = refuse_network(); !filtered) return pass_on(filtered);
  }
  report.in_force.unix_sockets_only = !wanted.network;
  return report;
}

void log_sandbox(const std::string& store, const config::Sandbox& wanted,
                 const SandboxReport& report) {
  const auto& in_force = report.in_force;
  const bool all = in_force.memory_locked && in_force.known_calls_only == wanted.seccomp;
  telemetry::log(
      all ? telemetry::Level::info : telemetry::Level::warning, "signer_sandbox",
      {{"store", store},
       {"network", network_words(wanted, report)},
       {"seccomp", calls_words(wanted, report)},
       {"memory_lock", in_force.memory_locked ? "on" : "off: RLIMIT_MEMLOCK is too small"},
       {"core_dumps", "off"},
       {"new_privileges", "off"}});
}

}  // namespace mintmark::mintd
