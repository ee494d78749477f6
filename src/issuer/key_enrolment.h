// Enrolment in the format "key", for what has no hardware to show: possession of a key, and a
// one-time code that an operator gave.
#pragma once

#include <string>

#include "base/time.h"
#include "issuer/device_register.h"
#include "issuer/ticket.h"
#include "jose/key.h"
#include "verify/proof.h"
#include "verify/replay.h"

namespace mintmark::issuer {

struct KeyFinishCall {
  jose::PublicKey key;
  std::string ticket;
  std::string code;   ///< One-time, from `mintctl devices invite`.
  std::string proof;  ///< DPoP by that key, its `nonce` the ticket.
};

/// The row of a device whose key was only shown: format "key", key_protection "none", its
/// thumbprint its identity.
[[nodiscard]] store::DeviceRecord key_device(const jose::PublicKey& key, Moment now);

/// A fresh one-time code (128 random bits, 22 characters), and what the store knows it by.
[[nodiscard]] std::string new_invite_code();
[[nodiscard]] std::string hash_of_code(const std::string& code);

/// Thread-safe. References must outlive it and every call under way.
class KeyEnrolment {
 public:
  /// `finish_url`: what the proof's `htu` must name.
  KeyEnrolment(std::string finish_url, const Clock& clock, DeviceRegister& devices);

  /// A ticket for this key; keeps no state.
  [[nodiscard]] std::string begin(const jose::PublicKey& key);
  /// Gives the client_id; such a client authenticates by private_key_jwt. Errors of the proof and
  /// of DeviceStore::admit_invited; `ticket_unbound`, `ticket_invalid`, `ticket_expired`,
  /// `ticket_other_keys`, `key_not_possessed`.
  void finish(const KeyFinishCall& call, hsm::Done<std::string> done);
  /// The clock was wrong and is right now: tickets that are out are good no more.
  void begin_again() {
    tickets_.begin_again();
    replay_.begin_again(clock_.now());
  }

 private:
  [[nodiscard]] Result<void> check_possession(const KeyFinishCall& call, Moment now);

  std::string finish_url_;
  const Clock& clock_;
  DeviceRegister& devices_;
  TicketSealer tickets_;
  verify::ReplayWindow replay_;
};

}  // namespace mintmark::issuer
