// mint-agent: a device's side. Its keys stay where they are, in the TPM, in a PKCS#11 token or,
// unprotected, in a file; what leaves it are proofs.
#include <cstdio>
#include <cstdlib>

#include "hsm/tpm2/device_tpm.h"
#include "programs/mint_agent/subcommand.h"

namespace mintmark::programs {
namespace {

std::vector<Subcommand> all_subcommands() {
  std::vector<Subcommand> all;
  for (auto& some : {enrolment_commands(), token_commands(), certificate_commands(),
                     serve_commands(), status_commands()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

Program program_with(const std::vector<Subcommand>& subcommands) {
  Program program{"mint-agent",
                  "enrols this device, fetches its tokens, proves their use",
                  {{"--state", "DIR", "where the enrolment and tokens are kept"},
                   {"--json", "", "print facts and errors as JSON"}},
                  {}};
  for (const Subcommand& one : subcommands) program.commands.push_back(one.command);
  return program;
}

void say(const std::string& line) { std::fprintf(stderr, "mint-agent: %s\n", line.c_str()); }

Result<int> run(const Subcommand& subcommand, const Arguments& arguments) {
  if (subcommand.run_alone) return subcommand.run_alone(arguments);
  const SystemClock clock;
  auto state = open_state(arguments);
  if (!state) return pass_on(state);
  agent::Agent agent(std::move(*state), own_surroundings(clock));
  return subcommand.run(agent, arguments);
}

Result<int> run(const std::vector<Subcommand>& subcommands, const Arguments& arguments) {
  for (const Subcommand& one : subcommands) {
    if (one.command.name == arguments.command()) return run(one, arguments);
  }
  return fail(Code::internal, "the command " + arguments.command() + " is nobody's");
}

}  // namespace

Result<agent::StateDirectory> open_state(const Arguments& arguments) {
  const auto directory = arguments.required("--state");
  if (!directory) return tl::unexpected<Error>(directory.error());
  return agent::StateDirectory::open(*directory);
}

agent::Surroundings own_surroundings(const Clock& clock) {
  return {.open_device = &hsm::tpm2::open_device,
          .open_transport = &agent::open_transport,
          .clock = clock,
          .boot_id = &agent::boot_id_of_kernel,
          .say = &say,
          .open_element = &hsm::pkcs11::open_secure_element,
          .open_transport_as = &agent::open_transport_as};
}

}  // namespace mintmark::programs

int main(int argc, char** argv) {
  using namespace mintmark::programs;  // NOLINT(google-build-using-namespace)
  // tss2's own log lines would stand between ours; errors are reported by us, with the TPM's code.
  setenv("TSS2_LOG", "all+NONE", 0);  // NOLINT(concurrency-mt-unsafe): before any thread
  const auto subcommands = all_subcommands();
  const Program program = program_with(subcommands);
  const auto line = read_command_line(program, argc, argv);
  if (!line.arguments) return line.exit_status;
  const auto done = run(subcommands, *line.arguments);
  return done ? *done : report(program, done.error(), line.arguments->has("--json"));
}
