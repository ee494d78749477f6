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
  /// In its place, of a command that opens what it needs itself.
  std::function<Result<int>(const Arguments& arguments)> run_alone{};
};

[[nodiscard]] std::vector<Subcommand> enrolment_commands();  ///< enroll, attest
[[nodiscard]] std::vector<Subcommand> token_commands();      ///< token, revoke, result, proof, curl
[[nodiscard]] std::vector<Subcommand> serve_commands();      ///< serve
[[nodiscard]] std::vector<Subcommand> status_commands();     ///< status
[[nodiscard]] std::vector<Subcommand> certificate_commands();  ///< certificate

/// The directory of --state.
[[nodiscard]] Result<agent::StateDirectory> open_state(const Arguments& arguments);
/// This machine's own; `clock` must outlive it.
[[nodiscard]] agent::Surroundings own_surroundings(const Clock& clock);
/// The option's file as an absolute path; "" where the option is not given. `invalid_argument`
/// where there is no such file.
[[nodiscard]] Result<std::string> absolute(const Arguments& arguments, const char* option);

}  // namespace mintmark::programs
