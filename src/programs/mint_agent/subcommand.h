// What one command of mint-agent is: how it is called, and what it does.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "programs/command_line.h"

namespace mintmark::programs {

struct Subcommand {
  Command command;
  /// Gives the exit status.
  std::function<Result<int>(agent::Agent& agent, const Arguments& arguments)> run;
};

[[nodiscard]] std::vector<Subcommand> enrolment_commands();  ///< enroll, attest
[[nodiscard]] std::vector<Subcommand> token_commands();      ///< token, result, proof, curl
[[nodiscard]] std::vector<Subcommand> status_commands();     ///< status

/// The option's file as an absolute path; "" where the option is not given. `invalid_argument`
/// where there is no such file.
[[nodiscard]] Result<std::string> absolute(const Arguments& arguments, const char* option);

}  // namespace mintmark::programs
