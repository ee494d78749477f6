// The stack of these tests: its issuer requires nonces, its policy is the one of docs/clients.md,
// and it trusts a second TPM that nobody has enrolled yet.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "stack.h"

namespace mintmark::test {

/// The blocks of docs/clients.md that are fenced as this language, in order.
[[nodiscard]] std::vector<std::string> blocks_of_document(const std::string& language);

/// The languages of all its fences.
[[nodiscard]] std::set<std::string> languages_of_document();

/// How tpm2-tss names the second TPM.
[[nodiscard]] std::string second_tcti();

/// A script of bash in an empty directory, with the stack's variables (exported),
/// NODE_EXTRA_CA_CERTS for Node, STACK and JUDGES; stops at the first command that fails.
[[nodiscard]] Outcome bash(const std::string& script);

}  // namespace mintmark::test
