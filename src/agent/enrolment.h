// Enrolment: from nothing to an identity at an issuer, by what a TPM shows or by a one-time code.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "agent/device_key.h"
#include "agent/identity.h"
#include "agent/issuer_client.h"
#include "base/secret.h"
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

/// By evidence of a TPM. It can be done again at any time, by nobody's leave.
struct ByTpm {
  std::string tcti;  ///< "": the TPM of the system.
  std::optional<hsm::tpm2::EkKind> ek;
};

/// By a one-time code of the issuer's operator, for a key in a file of the state directory.
struct ByCode {
  Secret code;
};

using EnrolmentWay = std::variant<ByTpm, ByCode>;

/// Makes an AK and a device key, proves to the issuer that they live in a TPM whose EK a root
/// vouches for, and gives all of Identity but `ca_file`, which only the caller knows. Nothing is
/// written. After approval the device enrols anew: what waited was judged, not kept.
///
/// On a ticket that ran out or was lost to the issuer's restart, on PCRs that moved and on a proof
/// that was not fresh enough it begins anew, once.
[[nodiscard]] Result<Enrolment> enrol_by_tpm(hsm::tpm2::Device& device, const ByTpm& way,
                                             IssuerClient& issuer, const Clock& clock);

/// Proves possession of the key and gives the code for it (docs/http-api.md, "Keys without
/// hardware"): all of Identity but `ca_file`. `record` says where the key lives. Begins anew as the
/// other does.
[[nodiscard]] Result<Identity> enrol_by_code(DeviceKey& key, KeyRecord record, IssuerClient& issuer,
                                             const Secret& code, const Clock& clock);

/// A proof that was refused may only have met an issuer whose memory of proofs was new, or a clock
/// that moved: another one, made now, may pass.
[[nodiscard]] bool is_about_proof(const Error& error);

/// Another attempt, from the beginning, may pass where this one failed.
[[nodiscard]] bool may_pass_with_a_fresh_ticket(const Error& error);

}  // namespace mintmark::agent
