// What one command of mintctl is: how it is called, and what it does.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "programs/command_line.h"
#include "programs/mintctl/admin_client.h"

namespace mintmark::programs {

struct Subcommand {
  Command command;
  /// Asks mintd (or not) and gives what --json prints.
  std::function<Result<Json>(AdminClient& mintd, const Arguments& arguments)> run;
  /// Prints the same for people.
  std::function<void(const Json& answer)> print;
  /// The exit status that the answer itself calls for; absent: 0.
  std::function<int(const Json& answer)> status{};
};

[[nodiscard]] std::vector<Subcommand> daemon_commands();          ///< status, reload
[[nodiscard]] std::vector<Subcommand> key_commands();             ///< keys …, clock accept
[[nodiscard]] std::vector<Subcommand> key_evidence_commands();    ///< keys evidence
[[nodiscard]] std::vector<Subcommand> evidence_check_commands();  ///< evidence check
[[nodiscard]] std::vector<Subcommand> device_commands();          ///< devices …
[[nodiscard]] std::vector<Subcommand> client_commands();          ///< clients …
/// devices explain, boot, baseline, attest; policy allow
[[nodiscard]] std::vector<Subcommand> boot_commands();
[[nodiscard]] std::vector<Subcommand> result_commands();             ///< devices result
[[nodiscard]] std::vector<Subcommand> token_commands();              ///< tokens revoke, list
[[nodiscard]] std::vector<Subcommand> policy_commands();             ///< policy …
[[nodiscard]] std::vector<Subcommand> evidence_eventlog_commands();  ///< evidence eventlog
[[nodiscard]] std::vector<Subcommand> hsm_token_commands();          ///< hsm tokens, init, pin
[[nodiscard]] std::vector<Subcommand> hsm_object_commands();         ///< hsm objects
[[nodiscard]] std::vector<Subcommand> hsm_profile_commands();        ///< hsm profiles
[[nodiscard]] std::vector<Subcommand> hsm_boot_commands();           ///< hsm approve-boot
[[nodiscard]] std::vector<Subcommand> hsm_certificate_commands();  ///< hsm certs, csr, import-cert

}  // namespace mintmark::programs
