// mint-gate: decides whether a call to a service may pass, and whether an issuer's keys live where
// it says: beside a proxy, or for one token or one issuer on the command line.
#include "programs/mint_gate/commands.h"

namespace mintmark::programs {
namespace {

int start(int argc, char** argv) {
  const Program program{
      "mint-gate",
      "verifies access tokens of a Mintmark issuer for services, and where its keys live",
      {{"--json", "", "print the answer as JSON"}},
      {serve_command(), verify_command(), verify_evidence_command(), client_key_command()}};
  const auto line = read_command_line(program, argc, argv);
  if (!line.arguments) return line.exit_status;
  if (line.arguments->command() == "serve") return serve(program, *line.arguments);
  if (line.arguments->command() == "client-key") return client_key(program, *line.arguments);
  return line.arguments->command() == "verify" ? verify(program, *line.arguments)
                                               : verify_evidence(program, *line.arguments);
}

}  // namespace
}  // namespace mintmark::programs

int main(int argc, char** argv) { return mintmark::programs::start(argc, argv); }
