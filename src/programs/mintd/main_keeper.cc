// mintd: the issuer's keeper. See docs/architecture.md.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "programs/command_line.h"
#include "programs/descriptors.h"
#include "programs/mintd/inherited.h"
#include "programs/mintd/keeper.h"
#include "programs/mintd/loaded.h"
#include "programs/out_of_memory.h"
#include "programs/shut_in.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

int complain(const Error& error, int status) {
  std::fprintf(stderr, "mintd: %s\n", error.to_string().c_str());
  return status;
}

std::string own_directory() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "." : self.parent_path().string();
}

/// Nothing where it stopped because its lease was gone.
std::optional<int> run(KeeperContext& context) {
  Keeper keeper(context);
  if (auto started = keeper.start(); !started) {
    return complain(started.error(), started.error().code == Code::lease_held ? 3 : 2);
  }
  context.io.run();
  if (keeper.lost_lease()) return std::nullopt;
  telemetry::log(telemetry::Level::info, "stopped");
  return 0;
}

}  // namespace

static int start(const std::string& file, bool only_check, char* const* argv) {
  auto loaded = load_and_check(file);
  if (!loaded) return complain(loaded.error(), 2);
  if (only_check) {
    for (const std::string& warning : loaded->warnings)
      std::fprintf(stderr, "mintd: warning: %s\n", warning.c_str());
    std::printf("%s: configuration is good\n", file.c_str());
    return 0;
  }
  const auto level = telemetry::level_named(loaded->config.log_level);
  if (!level) return complain(level.error(), 2);
  telemetry::configure("mintd", *level);
  log_warnings(*loaded);

  programs::watch_memory("mintd");
  (void)programs::raise_descriptor_limit();
  // It holds the TLS key's text, and the channel on which keys are made and destroyed.
  if (auto shut = programs::shut_in(); !shut) return complain(shut.error(), 2);

  boost::asio::io_context io(1);
  const SystemClock clock;
  KeeperContext context{io,           clock,       std::move(*loaded), file, own_directory(),
                        std::nullopt, std::nullopt};
  if (programs::may_start_as_others()) {
    auto front = user_named(context.in_force.config.front_user);
    auto signer = user_named(context.in_force.config.signer_user);
    if (!front) return complain(front.error(), 2);
    if (!signer) return complain(signer.error(), 2);
    context.front_user = *front;
    context.signer_user = *signer;
  }
  if (const auto status = run(context)) return *status;
  return complain(start_anew(context.keeper_directory() + "/lease", argv), 3);
}

}  // namespace mintmark::mintd

namespace {

using mintmark::programs::Program;

const Program program{
    "mintd",
    "the issuer: attests devices, mints tokens bound to their keys, publishes its own",
    {{"--config", "FILE", "the configuration (JSON, comments allowed)"},
     {"--check-config", "", "check the configuration and what it names, then end"}},
    {}};

}  // namespace

int main(int argc, char** argv) {
  const auto line = mintmark::programs::read_command_line(program, argc, argv);
  if (!line.arguments) return line.exit_status;
  const auto file = line.arguments->required("--config");
  if (!file) return mintmark::programs::report(program, file.error(), false);
  return mintmark::mintd::start(*file, line.arguments->has("--check-config"), argv);
}
