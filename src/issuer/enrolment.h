// The use case of a device's first day: evidence in two requests, and a client attestation out.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "attest/tpm2/enrolment.h"
#include "base/json.h"
#include "base/time.h"
#include "issuer/device_register.h"
#include "issuer/minting_clock.h"
#include "issuer/policies.h"
#include "issuer/release_gate.h"
#include "issuer/stores.h"
#include "issuer/ticket.h"
#include "issuer/trust.h"
#include "keyring/keyring.h"
#include "store/store.h"
#include "verify/proof.h"
#include "verify/replay.h"

namespace mintmark::issuer {

/// Which of a TPM's EKs enrols. It has one of each, and nothing in their certificates links the
/// two: a second identity would dodge the first one's revocation.
struct EkRule {
  enum class Kind { rsa, ecc };
  Kind usual = Kind::rsa;
  std::map<std::string, Kind> by_root;  ///< Lower-case hex SHA-256 of the root.
};

/// Who may enrol once the evidence is good.
struct AdmissionRules {
  store::EnrolmentMode mode = store::EnrolmentMode::approve;
  store::PendingLimits pending;
};

struct EnrolmentOptions {
  std::string issuer;
  std::string finish_url;                 ///< What the proof's `htu` must name.
  std::chrono::seconds freshness{86400};  ///< Life of the client attestation.
  attest::tpm2::PcrSelection pcrs;
  std::size_t longest_body = 4U << 20U;  ///< Of finish: told to devices, whose logs may be longer.
  EkRule ek;
  AdmissionRules admission;
  std::chrono::milliseconds sign_deadline{2000};
  jose::Algorithm attestation_algorithm = jose::Algorithm::es256;  ///< Of client attestations.
};

struct BeginAnswer {
  std::string ticket;
  /// Which logs of its boot the device should send: "eventlog", "ima".
  std::vector<std::string> logs;
  attest::tpm2::Challenge challenge;  ///< Empty where the AK is certified itself.
};

struct FinishCall {
  attest::tpm2::Presented presented;  ///< The same as at begin.
  std::string ticket;
  std::string proof;  ///< DPoP, by the device key.
  attest::tpm2::Answer answer;
  std::string address;  ///< Where the request came from, as it counts for the pending ones.
};

struct EnrolledDevice {
  std::string client_id;
  std::string client_attestation;
  std::chrono::seconds expires_in{};
};

/// Good evidence of a device that an operator has to approve first (`enrolment_pending`).
struct PendingDevice {
  std::string fingerprint;  ///< What the operator compares and approves: the device's identity.
};

using EnrolmentOutcome = std::variant<EnrolledDevice, PendingDevice>;

/// Thread-safe. References must outlive it and every call under way.
class Enrolment {
 public:
  struct Parts {
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    DeviceRegister& devices;
    KeyStores& stores;
    const TrustInForce& trust;
    const Policies& policies;
    ReleaseGate& gate;
  };

  Enrolment(EnrolmentOptions options, Parts parts);

  /// Keeps no state, writes nothing, spends no signature. Errors of attest/tpm2; `ek_kind_refused`.
  [[nodiscard]] Result<BeginAnswer> begin(const attest::tpm2::Presented& presented);

  /// Verdict first, then the ticket's use and the device on disk, then the signature. Errors of
  /// begin, of DeviceStore::admit, of the proof, and `ticket_invalid`, `ticket_expired`,
  /// `ticket_other_keys`, `proof_key_mismatch`, `clock_behind`; `quote_went_back` where a counter
  /// of the TPM is behind what it was under the same attestation key; `boot_refused` where a boot
  /// rule refuses, or `eventlog_replay`, `ima_replay` where it does because the log does not fit
  /// the quote. Where the signing keys change while it is signed it is signed again, and
  /// `decision_moving` ends what never comes to rest.
  void finish(const FinishCall& call, hsm::Done<EnrolmentOutcome> done);

  [[nodiscard]] const EnrolmentOptions& options() const { return options_; }

 private:
  [[nodiscard]] Result<attest::tpm2::Candidate> candidate_of(
      const attest::tpm2::Presented& presented, Moment now) const;
  [[nodiscard]] Result<attest::Verdict> judge(const FinishCall& call, Moment now);
  [[nodiscard]] store::Admission admission_of(const attest::Verdict& verdict,
                                              const FinishCall& call, Moment now) const;
  void admit(const attest::Verdict& verdict, store::Admission admission,
             hsm::Done<EnrolmentOutcome> done);
  struct Attestation {
    store::DeviceRecord device;
    Json jwk;
    hsm::Done<EnrolmentOutcome> done;
    unsigned attempts = 0;
  };
  void attest_client(const std::shared_ptr<Attestation>& wanted);
  void release(const std::shared_ptr<Attestation>& wanted,
               const std::shared_ptr<const keyring::Snapshot>& keys, std::chrono::seconds life,
               Result<std::string> token);

  EnrolmentOptions options_;
  Parts parts_;
  TicketSealer tickets_;
  verify::ReplayWindow replay_;
};

}  // namespace mintmark::issuer
