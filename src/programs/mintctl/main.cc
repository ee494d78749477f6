// mintctl: what operators ask mintd over its admin socket, and what they do with tokens of an HSM.
#include <cstdio>
#include <cstdlib>

#include "programs/mintctl/subcommand.h"

namespace mintmark::programs {
namespace {

std::vector<Subcommand> all_commands() {
  std::vector<Subcommand> all;
  for (auto* commands : {&daemon_commands, &key_commands, &key_evidence_commands, &device_commands,
                         &client_commands, &boot_commands, &result_commands, &token_commands,
                         &policy_commands, &evidence_check_commands, &evidence_eventlog_commands,
                         &hsm_token_commands, &hsm_object_commands, &hsm_certificate_commands,
                         &hsm_profile_commands, &hsm_boot_commands}) {
    for (Subcommand& command : (*commands)()) all.push_back(std::move(command));
  }
  return all;
}

Program program_of(const std::vector<Subcommand>& subcommands) {
  Program program{"mintctl",
                  "speaks to mintd's admin socket; looks after tokens of an HSM (hsm ...), judges "
                  "evidence (evidence ...)",
                  {{"--admin", "SOCKET",
                    "mintd's admin socket (default: $MINT_ADMIN, then /run/mintmark/admin.sock)"},
                   {"--json", "", "print the answer as JSON"}},
                  {}};
  for (const Subcommand& subcommand : subcommands) program.commands.push_back(subcommand.command);
  return program;
}

std::string socket_of(const Arguments& arguments) {
  const char* named = std::getenv("MINT_ADMIN");  // NOLINT(concurrency-mt-unsafe): one thread
  return arguments.value("--admin", named != nullptr ? named : "/run/mintmark/admin.sock");
}

int run(const Program& program, const Subcommand& subcommand, const Arguments& arguments) {
  AdminClient mintd(socket_of(arguments));
  const auto answer = subcommand.run(mintd, arguments);
  if (!answer) return report(program, answer.error(), arguments.has("--json"));
  if (arguments.has("--json"))
    std::printf("%s\n", answer->dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  else
    subcommand.print(*answer);
  return subcommand.status ? subcommand.status(*answer) : exit_done;
}

int start(int argc, char** argv) {
  const auto subcommands = all_commands();
  const Program program = program_of(subcommands);
  const auto line = read_command_line(program, argc, argv);
  if (!line.arguments) return line.exit_status;
  for (const Subcommand& subcommand : subcommands) {
    if (subcommand.command.name == line.arguments->command())
      return run(program, subcommand, *line.arguments);
  }
  return exit_usage;
}

}  // namespace
}  // namespace mintmark::programs

int main(int argc, char** argv) {
  // tss2-mu would write what it thinks of a stranger's octets beside our own answer.
  setenv("TSS2_LOG", "all+NONE", 0);  // NOLINT(concurrency-mt-unsafe): before any thread
  return mintmark::programs::start(argc, argv);
}
