// The use case of a device's first day: evidence in two requests, and a client attestation out.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "attest/tpm2/enrolment.h"
#include "attest/tpm2/trust.h"
#include "base/time.h"
#include "issuer/devices.h"
#include "issuer/stores.h"
#include "issuer/ticket.h"
#include "keyring/keyring.h"
#include "store/store.h"
#include "verify/proof.h"
#include "verify/replay.h"

namespace mintmark::issuer {

struct EnrolmentOptions {
  std::string issuer;
  std::string finish_url;                 ///< What the proof's `htu` must name.
  std::chrono::seconds freshness{86400};  ///< Life of the client attestation.
  attest::tpm2::PcrSelection pcrs;
  std::chrono::milliseconds sign_deadline{2000};
};

struct BeginAnswer {
  std::string ticket;
  attest::tpm2::Challenge challenge;
};

struct FinishCall {
  attest::tpm2::Presented presented;  ///< The same as at begin.
  std::string ticket;
  std::string proof;  ///< DPoP, by the device key.
  attest::tpm2::Answer answer;
};

struct EnrolledDevice {
  std::string client_id;
  std::string client_attestation;
  std::chrono::seconds expires_in{};
};

/// Thread-safe. References must outlive it and every call under way.
class Enrolment {
 public:
  struct Parts {
    const Clock& clock;
    const keyring::Keyring& keyring;
    Devices& devices;
    store::DeviceStore& store;
    KeyStores& stores;
    std::shared_ptr<const attest::tpm2::EkTrust> trust;
  };

  Enrolment(EnrolmentOptions options, Parts parts);

  /// Keeps no state, writes nothing, spends no signature. Errors of attest/tpm2.
  [[nodiscard]] Result<BeginAnswer> begin(const attest::tpm2::Presented& presented);

  /// Verdict first, then the ticket's use and the device on disk, then the signature. Errors of
  /// attest/tpm2, of the proof, and `ticket_invalid`, `ticket_expired`, `ticket_other_keys`,
  /// `ticket_used`, `proof_key_mismatch`.
  void finish(const FinishCall& call, hsm::Done<EnrolledDevice> done);

  [[nodiscard]] const EnrolmentOptions& options() const { return options_; }

 private:
  [[nodiscard]] Result<attest::Verdict> judge(const FinishCall& call, Moment now);
  [[nodiscard]] Result<store::DeviceRecord> record(const attest::Verdict& verdict,
                                                   const std::string& ticket, Moment now);

  EnrolmentOptions options_;
  Parts parts_;
  TicketSealer tickets_;
  verify::ReplayWindow replay_;
  std::mutex recording_;  // Memory must take the store's order, or an older key could win there.
};

}  // namespace mintmark::issuer
