// One judgement of an attestation object, for enrolment and for evidence in files alike. Pure;
// thread-safe.
#pragma once

#include "attest/webauthn/attestation_object.h"
#include "attest/webauthn/metadata.h"
#include "attest/webauthn/statement.h"
#include "attest/x509/chain.h"

namespace mintmark::attest::webauthn {

struct Rules {
  const x509::Trust* trust = nullptr;  ///< nullptr: none but the metadata's.
  const Metadata* metadata = nullptr;  ///< nullptr: none.
  bool metadata_required = false;
  const android_key::RevocationList* revocations = nullptr;  ///< Of `android-key`; nullptr: none.
  bool sha1 = false;
  bool self = false;
};

/// What holds of an attestation object.
struct Judged {
  std::string rp_id;  ///< "" where none was expected.
  Proof proof;
  std::optional<x509::Chain> chain;  ///< Nothing: self attestation.
  /// The metadata's, by whose own roots the certificates hold too; nullptr: not listed. That the
  /// statement merely names a model makes it none of that model.
  const Authenticator* authenticator = nullptr;
};

struct Refusal {
  Error error;
  /// Signatures, chain and bindings are all right, or the chain but for a root that is unknown.
  bool by_rule = false;
};

/// The ceremony and the statement, without trust: errors of check_client_data,
/// check_authenticator_data and check_statement.
[[nodiscard]] Result<Judged> check_bindings(const AttestationObject& object,
                                            const ClientData& client, const Expected& expected);

/// Who vouches, and the rules of today. Errors: `certificate_…` (x509::code_of), `webauthn_sha1`,
/// `webauthn_self`, `webauthn_authenticator_unknown`, `webauthn_authenticator_status`,
/// `mds_expired`, those of check_android_chain, and those of a statement's own rules
/// (`android_software`, `device_key_not_fixed_tpm`, `device_key_imported`).
[[nodiscard]] tl::expected<Judged, Refusal> check_trust(Judged judged,
                                                        const AttestationObject& object,
                                                        const Rules& rules, Moment at);

}  // namespace mintmark::attest::webauthn
