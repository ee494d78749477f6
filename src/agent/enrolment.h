// Enrolment of a TPM: from nothing to a client attestation.
#pragma once

#include <optional>
#include <string>

#include "agent/issuer_client.h"
#include "agent/state.h"
#include "base/time.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// Makes an AK and a device key, proves to the issuer that they live in a TPM whose EK a root
/// vouches for, and gives all of Identity but issuer's address (`ca_file`, `tcti`), which only the
/// caller knows. Nothing is written.
///
/// On a ticket that ran out or was lost to the issuer's restart, on PCRs that moved and on a proof
/// that was not fresh enough it begins anew, once.
[[nodiscard]] Result<Identity> enrol(hsm::tpm2::Device& device, IssuerClient& issuer,
                                     std::optional<hsm::tpm2::EkKind> ek, const Clock& clock);

/// A proof that was refused may only have met an issuer whose memory of proofs was new, or a clock
/// that moved: another one, made now, may pass.
[[nodiscard]] bool is_about_proof(const Error& error);

}  // namespace mintmark::agent
