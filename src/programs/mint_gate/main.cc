// mint-gate: decides whether a call to a service may pass, and whether an issuer's keys live where
// it says. Now: one token, or the evidence of one issuer, on the command line.
#include "programs/mint_gate/commands.h"

namespace mintmark::programs {
namespace {

int start(int argc, char** argv) {
  const Program program{
      "mint-gate",
      "verifies access tokens of a Mintmark issuer for one service, and where its keys live",
      {{"--json", "", "print the answer as JSON"}},
      {verify_command(), verify_evidence_command()}};
  const auto line = read_command_line(program, argc, argv);
  if (!line.arguments) return line.exit_status;
  return line.arguments->command() == "verify" ? verify(program, *line.arguments)
                                               : verify_evidence(program, *line.arguments);
}

}  // namespace
}  // namespace mintmark::programs

int main(int argc, char** argv) { return mintmark::programs::start(argc, argv); }
