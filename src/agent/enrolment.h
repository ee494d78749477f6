// Enrolment of a TPM: from nothing to a client attestation.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "agent/issuer_client.h"
#include "agent/state.h"
#include "base/time.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// The evidence was good, and an operator must approve the device before it counts.
struct PendingEnrolment {
  std::string
      fingerprint;  ///< hex SHA-256 of the EK's SubjectPublicKeyInfo, as we ourselves see it.

  /// What the operator runs, once they have compared the fingerprint.
  [[nodiscard]] std::string approval() const { return "mintctl devices approve " + fingerprint; }
  /// `enrolment_pending`, for where only a whole enrolment helps.
  [[nodiscard]] Error to_error() const;
};

using Enrolment = std::variant<Identity, PendingEnrolment>;

/// Makes an AK and a device key, proves to the issuer that they live in a TPM whose EK a root
/// vouches for, and gives all of Identity but issuer's address (`ca_file`, `tcti`), which only the
/// caller knows. Nothing is written. After approval the device enrols anew: what waited was judged,
/// not kept.
///
/// On a ticket that ran out or was lost to the issuer's restart, on PCRs that moved and on a proof
/// that was not fresh enough it begins anew, once.
[[nodiscard]] Result<Enrolment> enrol(hsm::tpm2::Device& device, IssuerClient& issuer,
                                      std::optional<hsm::tpm2::EkKind> ek, const Clock& clock);

/// A proof that was refused may only have met an issuer whose memory of proofs was new, or a clock
/// that moved: another one, made now, may pass.
[[nodiscard]] bool is_about_proof(const Error& error);

}  // namespace mintmark::agent
