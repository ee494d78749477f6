// Enrolment by evidence of a device without a TPM, in any format that the operator configured: a
// ticket first, then all in one request.
#pragma once

#include <optional>
#include <string>

#include "attest/format.h"
#include "issuer/admitting.h"
#include "issuer/devices.h"
#include "issuer/ticket.h"
#include "issuer/trust.h"
#include "verify/proof.h"
#include "verify/replay.h"

namespace mintmark::issuer {

struct EvidenceFinishCall {
  std::string format;
  jose::PublicKey key;  ///< Tokens will be bound to it; the same as at begin.
  std::string ticket;
  std::string proof;    ///< DPoP by that key, its `nonce` the ticket.
  Json evidence;        ///< An object, from a stranger.
  std::string address;  ///< As of Admitting.
};

/// Thread-safe. References must outlive it and every call under way.
class EvidenceEnrolment {
 public:
  struct Parts {
    const TrustInForce& trust;
    const Devices& devices;
    Admitting::Parts admitting;
  };

  /// `issuer`: its URL; a proof's `htu` must be finish_url().
  EvidenceEnrolment(std::string issuer, AdmittingOptions options, Parts parts);

  [[nodiscard]] std::string finish_url(const std::string& format) const {
    return issuer_ + "/attest/" + format + "/finish";
  }
  /// A ticket for this format and key; keeps no state. No key is needed where it is made with the
  /// ticket (Format::attests_the_key). `not_found`: that format is not taken here;
  /// `request_member_missing`: a key is needed.
  [[nodiscard]] Result<std::string> begin(const std::string& format,
                                          const std::optional<jose::PublicKey>& key);
  /// Errors of begin, of the proof, of the format, of Admitting, and `key_not_possessed`,
  /// `ticket_unbound`, `ticket_invalid`, `ticket_expired`, `ticket_other_keys`.
  void finish(const EvidenceFinishCall& call, hsm::Done<EnrolmentOutcome> done);
  /// The clock was wrong and is right now: tickets that are out are good no more.
  void begin_again() {
    tickets_.begin_again();
    replay_.begin_again(parts_.admitting.clock.now());
  }

 private:
  using FormatInForce = std::shared_ptr<const attest::Format>;
  [[nodiscard]] Result<FormatInForce> format_named(const std::string& name) const;
  [[nodiscard]] Result<verify::ProvenRequest> check_possession(const attest::Format& format,
                                                               const EvidenceFinishCall& call,
                                                               Moment now);
  [[nodiscard]] Result<attest::Verdict> judge(const attest::Format& format,
                                              const EvidenceFinishCall& call, Moment now);

  std::string issuer_;
  Parts parts_;
  TicketSealer tickets_;
  verify::ReplayWindow replay_;
  Admitting admitting_;
};

}  // namespace mintmark::issuer
