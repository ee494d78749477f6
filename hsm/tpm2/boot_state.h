// The part of a key's policy that asks how this machine was started.
#pragma once

#include "hsm/tpm2/boot_policy.h"
#include "hsm/tpm2/handles.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// Brings a fresh policy session to where the authority's approval stands for the PCRs' values:
/// PolicyPCR, then PolicyAuthorize (TPM 2.0 Part 3, 23.7, 23.16). Reads the approvals again if none
/// of those known fits. `hsm_boot_state` with the state's digest if none does.
[[nodiscard]] Result<void> show_boot_state(const Tpm& tpm, const Handle& policy_session,
                                           BootPolicy& boot);

}  // namespace mintmark::hsm::tpm2
