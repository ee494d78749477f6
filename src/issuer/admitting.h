// A good verdict becomes a device: on disk first, then a client attestation. What every way to
// attest ends in.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "attest/facts.h"
#include "base/json.h"
#include "issuer/device_register.h"
#include "issuer/minting_clock.h"
#include "issuer/policies.h"
#include "issuer/release_gate.h"
#include "issuer/stores.h"
#include "keyring/keyring.h"
#include "store/store.h"

namespace mintmark::issuer {

/// Who may enrol once the evidence is good.
struct AdmissionRules {
  store::EnrolmentMode mode = store::EnrolmentMode::approve;
  store::PendingLimits pending;
  unsigned new_per_root_per_hour = 1000;
};

struct EnrolledDevice {
  std::string client_id;
  std::string client_attestation;
  std::chrono::seconds expires_in{};
};

/// Good evidence of a device that an operator has to approve first (`enrolment_pending`).
struct PendingDevice {
  std::string fingerprint;  ///< What the operator compares and approves: the device's identity.
  std::string client_id;    ///< What it will be called; some formats' next evidence names it.
};

using EnrolmentOutcome = std::variant<EnrolledDevice, PendingDevice>;

struct AdmittingOptions {
  std::chrono::seconds freshness{86400};  ///< Life of the client attestation.
  AdmissionRules rules;
  std::chrono::milliseconds sign_deadline{2000};
  jose::Algorithm attestation_algorithm = jose::Algorithm::es256;  ///< Of client attestations.
};

/// Whether this evidence may follow what is known of the same device; what it says may be completed
/// by that. Called inside the store's transaction.
using Follow = std::function<Result<void>(const store::DeviceRecord& known,
                                          const attest::Facts& before, attest::Facts& now)>;

/// Thread-safe. References must outlive it and every call under way.
class Admitting {
 public:
  struct Parts {
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    DeviceRegister& devices;
    KeyStores& stores;
    const Policies& policies;
    ReleaseGate& gate;
  };
  struct Request {
    std::string ticket;
    std::string address;  ///< Where it came from, as it counts for the pending ones.
    Moment now{};
    Follow follow = {};  ///< Empty: it may.
  };

  Admitting(AdmittingOptions options, Parts parts)
      : options_(std::move(options)), parts_(std::move(parts)) {}

  /// The ticket's use and the device on disk, then the signature. Errors of DeviceStore::admit and
  /// of `follow`; `boot_refused` where a boot rule refuses, or `eventlog_replay`, `ima_replay`
  /// where it does because the log does not fit the quote; `clock_behind`. Where the signing keys
  /// change while it is signed it is signed again, and `decision_moving` ends what never comes to
  /// rest.
  void admit(const attest::Verdict& verdict, Request request, hsm::Done<EnrolmentOutcome> done);

 private:
  struct Attestation {
    store::DeviceRecord device;
    Json jwk;
    hsm::Done<EnrolmentOutcome> done;
    unsigned attempts = 0;
  };
  [[nodiscard]] store::Admission admission_of(const attest::Verdict& verdict,
                                              Request request) const;
  void attest_client(const std::shared_ptr<Attestation>& wanted);
  void release(const std::shared_ptr<Attestation>& wanted,
               const std::shared_ptr<const keyring::Snapshot>& keys, std::chrono::seconds life,
               Result<std::string> token);

  AdmittingOptions options_;
  Parts parts_;
};

}  // namespace mintmark::issuer
