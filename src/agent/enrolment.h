// Enrolment: from nothing to an identity at an issuer, by what a TPM or a secure element shows or
// by a one-time code.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "agent/device_key.h"
#include "agent/identity.h"
#include "agent/issuer_client.h"
#include "base/secret.h"
#include "base/time.h"
#include "hsm/pkcs11/device_key.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// The evidence was good, and an operator must approve the device before it counts.
struct PendingEnrolment {
  std::string
      fingerprint;  ///< hex SHA-256 of the SubjectPublicKeyInfo of what vouches, as we see it.

  /// What the operator runs, once they have compared the fingerprint.
  [[nodiscard]] std::string approval() const { return "mintctl devices approve " + fingerprint; }
  /// `enrolment_pending`, for where only a whole enrolment helps.
  [[nodiscard]] Error to_error() const;
};

using Enrolment = std::variant<Identity, PendingEnrolment>;

/// An AK that an attestation authority certified: its word replaces what only the EK could open.
struct CertifiedAk {
  hsm::tpm2::PersistentKey key;
  std::string certificate;  ///< As read_ak_certificate takes it.
};

/// By evidence of a TPM. It can be done again at any time, by nobody's leave.
struct ByTpm {
  std::string tcti;  ///< "": the TPM of the system.
  std::optional<hsm::tpm2::EkKind> ek;
  LogFiles logs;
  std::optional<CertifiedAk> ak{};  ///< Nothing: by the EK, with an AK of our own.
};

/// By a one-time code of the issuer's operator, for a key in a file of the state directory.
struct ByCode {
  Secret code;
};

/// By an identity key in a PKCS#11 token and its certificate (IEEE 802.1AR). As ByTpm, at any time.
struct ByElement {
  std::string uri;          ///< Which token, module, PIN and identity key: RFC 7512.
  std::string certificate;  ///< A file: PEM with the chain behind it, or DER; "": in the token.
  bool identity_key_signs = false;  ///< The token's key is the identity key itself.
};

using EnrolmentWay = std::variant<ByTpm, ByCode, ByElement>;

/// What an enrolment by evidence works with; outlives the call.
struct TpmEnrolment {
  hsm::tpm2::Device& device;
  IssuerClient& issuer;
  const Clock& clock;
  std::function<void(const std::string& note)> say;  ///< For the owner; may come more than once.
};

/// Proves to the issuer that an AK and a device key live in a TPM whose EK (or AK) a root vouches
/// for, and gives all of Identity but `ca_file` and the attestation's `boot_id`, which only the
/// caller knows. Nothing is written. After approval the device enrols anew: what waited was judged,
/// not kept.
///
/// `former`: the keys to show again, so that tokens that are out stay good and the issuer can
/// compare the counters of two quotes (which each key sees otherwise: TPM 2.0 Part 1, 36.7). New
/// keys are made without it, on another TPM, and where fresh_keys_may_mend.
///
/// On a ticket that ran out or was lost to the issuer's restart and on a proof that was not fresh
/// enough it begins anew, once; on PCRs that moved while they were quoted, or between quote and
/// log, three times; on a body that was too long with logs in it, once without them.
[[nodiscard]] Result<Enrolment> enrol_by_tpm(const TpmEnrolment& work, const ByTpm& way,
                                             const TpmKey* former);

/// What an enrolment by an identity works with; outlives the call.
struct ElementEnrolment {
  hsm::pkcs11::SecureElement& element;
  IssuerClient& issuer;
  const Clock& clock;
  /// The CKA_ID that the device key has, or is to get, in this token; kept when it returns: one
  /// that is made is found again, however its enrolment goes.
  std::function<Result<Bytes>(const std::string& token)> key_id;
};

/// Proves to the issuer that the device has the key of an identity certificate and one for its
/// tokens, which the element makes where it has none yet; and gives all of Identity but `ca_file`.
/// `former`: the key must be there. Begins anew once as enrol_by_tpm on a ticket or proof that went
/// stale. Errors beside the issuer's: those of SecureElement; `agent_pkcs11_certificate` (it cannot
/// be read, is not the identity key's, or that key signs by no algorithm of ours), `io_failed`,
/// `agent_pkcs11_key`.
[[nodiscard]] Result<Enrolment> enrol_by_element(const ElementEnrolment& work, const ByElement& way,
                                                 const Pkcs11Key* former);

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
/// The registers may have changed while they were read, quoted and explained.
[[nodiscard]] bool may_have_met_moving_pcrs(const Error& error);

}  // namespace mintmark::agent
