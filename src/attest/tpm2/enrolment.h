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

/// As it came; nothing is believed yet. Either an EK certificate, or the AK's own.
struct Presented {
  Bytes ek_certificate;         ///< DER, perhaps padded.
  std::vector<Bytes> ek_chain;  ///< DER, to help reach a root.
  Bytes ak_certificate;         ///< DER
  std::vector<Bytes> ak_chain;
  Bytes ak_public;             ///< TPM2B_PUBLIC
  Bytes device_public;         ///< TPM2B_PUBLIC
  Bytes platform_certificate;  ///< DER, or empty.
};

/// Whose word counts. References must outlive the call.
struct Authorities {
  // NOLINTNEXTLINE(google-explicit-constructor): of EKs alone is the usual case.
  Authorities(const EkTrust& of_eks, const x509::Trust* of_aks = nullptr)
      : ek(of_eks), ak(of_aks) {}
  const EkTrust& ek;
  const x509::Trust* ak;  ///< nullptr: no AK certificate is taken.
};

/// An EK or AK that a root vouches for, or that a person has to look at, an AK and a device key
/// whose attributes are right, if they live where the AK will say. Only check_candidate makes one.
class Candidate {
 public:
  /// nullptr where an AK certificate came.
  [[nodiscard]] const Endorsement* endorsement() const;
  [[nodiscard]] const x509::Chain& chain() const;
  /// SubjectPublicKeyInfo of the certificate that came, EK's or AK's: what the device is recognised
  /// by, and what its evidence is bound to.
  [[nodiscard]] const Bytes& spki() const;
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

/// Errors of check_endorsement, or of check_ak_certificate with `ak_certificate_refused` (this way
/// is not open here) and `ak_certificate_key`; `platform_certificate_malformed`; `tpm_structure`;
/// of the AK `ak_type`, `ak_scheme`, `ak_not_restricted`, `ak_not_signing`, `ak_decrypts`,
/// `ak_not_fixed_tpm`, `ak_not_fixed_parent`, `ak_imported`; of the device key `device_key_type`,
/// `device_key_not_signing`, `device_key_restricted`, `device_key_decrypts`,
/// `device_key_not_fixed_tpm`, `device_key_not_fixed_parent`, `device_key_imported`.
[[nodiscard]] Result<Candidate> check_candidate(const Presented& presented,
                                                const Authorities& trust, Moment now);

/// What only the TPM with this EK can open, and only if it holds this AK. Not for a candidate whose
/// AK is certified itself: `internal`.
[[nodiscard]] Result<Challenge> make_challenge(const Candidate& candidate, BytesView secret);

struct Answer {
  Bytes activation_secret;
  Bytes certify_attest;     ///< TPMS_ATTEST
  Bytes certify_signature;  ///< TPMT_SIGNATURE
  /// TPMS_CREATION_DATA or TPM2B: then `certify_attest` is of TPM2_CertifyCreation. Empty: of
  /// TPM2_Certify.
  Bytes creation_data;
  Bytes quote_attest;
  Bytes quote_signature;
  PcrValues pcrs;
  Logs logs;
};

/// Errors: `activation_secret_wrong`; `tpm_structure`; of the certification `certify_magic`,
/// `certify_type`, `certify_binding`, `certify_name`, or `creation_magic`, `creation_type`,
/// `creation_binding`, `creation_name`, `creation_hash`; of the quote `quote_magic`, `quote_type`,
/// `quote_binding`, `quote_selection`, `quote_values`, `quote_digest`; of either's signature
/// `signature_scheme`, `signature_hash`, `signature_invalid`. A log that is not what was quoted is
/// no error: the verdict's boot record says so. `activation_secret_wrong` is not for a candidate
/// with an AK certificate: its authority has seen to the TPM, and nothing was sealed.
[[nodiscard]] Result<Verdict> check_answer(const Candidate& candidate, const Answer& answer,
                                           BytesView expected_secret, BytesView binding,
                                           const PcrSelection& asked, Moment now);

}  // namespace mintmark::attest::tpm2
