#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "programs/mintd/keeper_context.h"
#include "store/store.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

constexpr const char* losses = "MINTMARK_LEASE_LOSSES";  // What outlives an exec.
constexpr std::chrono::seconds between_tries{1};

Result<void> can_be_taken(const std::string& path) {
  auto lease = store::Lease::take(path);
  if (!lease) return pass_on(lease);
  return {};
}

}  // namespace

unsigned lease_losses() {
  const char* text = getenv(losses);  // NOLINT(concurrency-mt-unsafe): one thread
  return text == nullptr ? 0 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

Error start_anew(const std::string& path, char* const* argv) {
  std::string told;
  for (auto free = can_be_taken(path); !free; free = can_be_taken(path)) {
    if (std::exchange(told, free.error().to_string()) != free.error().to_string())
      telemetry::log(telemetry::Level::error, "lease_waited_for", free.error());
    std::this_thread::sleep_for(between_tries);
  }
  telemetry::log(telemetry::Level::info, "starting_anew");
  setenv(losses, std::to_string(lease_losses() + 1).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  execv("/proc/self/exe", argv);
  return {Code::io_failed, "cannot start anew: " + errno_text(errno), 0};
}

}  // namespace mintmark::mintd
