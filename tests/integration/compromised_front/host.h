// What the kernel is to refuse: files, other processes, other users.
#pragma once

#include <string>
#include <vector>

namespace mintmark::test::compromised {

/// What the keeper has open besides would be a way around all of this. To be asked first, when
/// there is nothing of this process's own yet.
void look_for_other_descriptors(const std::vector<int>& handed);

/// `stack`: the directory of provisioning/stack. `descriptors`: those that the keeper handed over.
void try_the_host(const std::string& stack, const std::vector<int>& descriptors);

/// The keeper's other child; 0 if there is none.
[[nodiscard]] int signer_pid();

}  // namespace mintmark::test::compromised
