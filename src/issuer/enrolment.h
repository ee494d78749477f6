// The use case of a device's first day: evidence in two requests, and a client attestation out.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "attest/tpm2/enrolment.h"
#include "base/time.h"
#include "issuer/admitting.h"
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

struct EnrolmentOptions {
  std::string issuer;
  std::string finish_url;  ///< What the proof's `htu` must name.
  attest::tpm2::PcrSelection pcrs;
  std::size_t longest_body = 4U << 20U;  ///< Of finish: told to devices, whose logs may be longer.
  EkRule ek;
  AdmittingOptions admitting;
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
  /// begin, of Admitting, of the proof, and `ticket_invalid`, `ticket_expired`,
  /// `ticket_other_keys`, `proof_key_mismatch`, `clock_behind`; `quote_went_back` where a counter
  /// of the TPM is behind what it was under the same attestation key.
  void finish(const FinishCall& call, hsm::Done<EnrolmentOutcome> done);

  [[nodiscard]] const EnrolmentOptions& options() const { return options_; }
  /// The clock was wrong and is right now: tickets that are out are good no more.
  void begin_again() {
    tickets_.begin_again();
    replay_.begin_again(parts_.clock.now());
  }

 private:
  [[nodiscard]] Result<attest::tpm2::Candidate> candidate_of(
      const attest::tpm2::Presented& presented, Moment now) const;
  [[nodiscard]] Result<attest::Verdict> judge(const FinishCall& call, Moment now);

  EnrolmentOptions options_;
  Parts parts_;
  TicketSealer tickets_;
  verify::ReplayWindow replay_;
  Admitting admitting_;
};

}  // namespace mintmark::issuer
