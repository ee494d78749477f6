// The commands of mint-gate: how each is called, and what it does. A run ends with the program's
// exit status.
#pragma once

#include "programs/command_line.h"

namespace mintmark::programs {

[[nodiscard]] Command serve_command();
[[nodiscard]] int serve(const Program& program, const Arguments& arguments);

[[nodiscard]] Command verify_command();
[[nodiscard]] int verify(const Program& program, const Arguments& arguments);

[[nodiscard]] Command verify_evidence_command();
[[nodiscard]] int verify_evidence(const Program& program, const Arguments& arguments);

[[nodiscard]] Command client_key_command();
[[nodiscard]] int client_key(const Program& program, const Arguments& arguments);

/// `invalid_argument` unless it is an https URL.
[[nodiscard]] Result<void> check_issuer(const std::string& issuer);
/// `invalid_argument` unless it is "" or names a PEM file that can be read.
[[nodiscard]] Result<void> check_ca(const std::string& file);

}  // namespace mintmark::programs
