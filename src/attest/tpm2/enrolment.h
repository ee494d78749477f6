// A TPM's enrolment, judged: what it presents (begin), and what it answers (finish). Pure functions
// over octets; thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "attest/facts.h"
#include "attest/tpm2/boot.h"
#include "attest/tpm2/credential.h"
#include "attest/tpm2/quote.h"
#include "attest/tpm2/trust.h"

namespace mintmark::attest::tpm2 {

/// As it came; nothing is believed yet.
struct Presented {
  Bytes ek_certificate;         ///< DER, perhaps padded.
  std::vector<Bytes> ek_chain;  ///< DER, to help reach a root.
  Bytes ak_public;              ///< TPM2B_PUBLIC
  Bytes device_public;          ///< TPM2B_PUBLIC
};

/// An EK that a root vouches for, an AK and a device key whose attributes are right, if they live
/// where the AK will say. Only check_candidate makes one.
class Candidate {
 public:
  [[nodiscard]] const Endorsement& endorsement() const;
  [[nodiscard]] const Bytes& ek_spki() const;
  [[nodiscard]] const Bytes& ak_name() const;
  [[nodiscard]] const Bytes& device_name() const;
  [[nodiscard]] const jose::PublicKey& device_key() const;
  /// SHA-256 over all that was presented: a ticket is good for just this.
  [[nodiscard]] const Sha256& hash() const;

 private:
  friend class CandidateReader;
  friend Result<Challenge> make_challenge(const Candidate&, BytesView);
  friend class AnswerJudge;
  struct Parts;
  explicit Candidate(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

/// Errors of check_endorsement; `tpm_structure`; of the AK `ak_type`, `ak_scheme`,
/// `ak_not_restricted`, `ak_not_signing`, `ak_decrypts`, `ak_not_fixed_tpm`, `ak_not_fixed_parent`,
/// `ak_imported`; of the device key `device_key_type`, `device_key_not_signing`,
/// `device_key_restricted`, `device_key_decrypts`, `device_key_not_fixed_tpm`,
/// `device_key_not_fixed_parent`, `device_key_imported`.
[[nodiscard]] Result<Candidate> check_candidate(const Presented& presented, const EkTrust& trust,
                                                Moment now);

/// What only the TPM with this EK can open, and only if it holds this AK.
[[nodiscard]] Result<Challenge> make_challenge(const Candidate& candidate, BytesView secret);

struct Answer {
  Bytes activation_secret;
  Bytes certify_attest;     ///< TPMS_ATTEST
  Bytes certify_signature;  ///< TPMT_SIGNATURE
  Bytes quote_attest;
  Bytes quote_signature;
  PcrValues pcrs;
  Logs logs;
};

/// Errors: `activation_secret_wrong`; `tpm_structure`; of the certification `certify_magic`,
/// `certify_type`, `certify_binding`, `certify_name`; of the quote `quote_magic`, `quote_type`,
/// `quote_binding`, `quote_selection`, `quote_values`, `quote_digest`; of either's signature
/// `signature_scheme`, `signature_hash`, `signature_invalid`. A log that is not what was quoted is no
/// error: the verdict's boot record says so.
[[nodiscard]] Result<Verdict> check_answer(const Candidate& candidate, const Answer& answer,
                                           BytesView expected_secret, BytesView binding,
                                           const PcrSelection& asked, Moment now);

}  // namespace mintmark::attest::tpm2
