// Attestation statement formats (WebAuthn Level 3 §8): whether a statement says what it says of
// just this credential and ceremony. Who vouches for its certificates is not judged here. For this
// folder alone.
#pragma once

#include "attest/android_key/revocation.h"
#include "attest/webauthn/attestation_object.h"
#include "attest/webauthn/certificates.h"

namespace mintmark::attest::webauthn {

/// Outlived by what it refers to; its object has a credential.
struct Ceremony {
  const AttestationObject& object;
  const Sha256& client_data_hash;

  [[nodiscard]] const AttestedCredential& credential() const { return *object.data.credential; }
  /// authenticatorData || clientDataHash: what is signed or hashed.
  [[nodiscard]] Bytes signed_octets() const;
};

/// A statement whose signatures and bindings hold.
struct Proof {
  /// Of the statement's signature (RFC 9053); nothing where the format has none.
  std::optional<std::int64_t> algorithm;
  std::optional<Certificates> certificates;  ///< Nothing: self attestation.
  /// Good, and refused all the same: the key is a software keystore's, or may leave its TPM.
  std::optional<Error> rule;
  std::string manufacturer;  ///< As the certificate says; "" where it does not.
  std::string model;
  std::string version;
  /// An attestation key signed the authenticator data, or its certificate names the aaguid. false:
  /// whoever made the statement chose it (`android-key` and self attestation, where the credential
  /// signs; `tpm`, where the data are merely hashed).
  bool attested_model = true;
  /// The flags are the authenticator's word, of a TPM its host's. false: whoever made the statement
  /// chose them, where the credential signs; or nobody signed them (U2F).
  bool attested_flags = true;
};

/// By its "fmt". `webauthn_none`, `webauthn_format_unknown`, `webauthn_statement`, and those below.
[[nodiscard]] Result<Proof> check_statement(const Ceremony& ceremony);

/// §8.2: `webauthn_alg`, `webauthn_signature`, `webauthn_certificate`, `webauthn_aaguid`.
[[nodiscard]] Result<Proof> check_packed(const Ceremony& ceremony);
/// §8.3: those, and `webauthn_tpm_structure`, `webauthn_tpm_magic`, `webauthn_tpm_type`,
/// `webauthn_tpm_extra_data`, `webauthn_tpm_name`, `webauthn_key_mismatch`.
[[nodiscard]] Result<Proof> check_tpm(const Ceremony& ceremony);
/// §8.4: `webauthn_signature`, `webauthn_key_mismatch`, `webauthn_certificate`, and errors of the
/// key description (android_…).
[[nodiscard]] Result<Proof> check_android_key(const Ceremony& ceremony);
/// The rules of the chain that was verified, and not of what was submitted: no certificate above
/// the leaf is itself an attested key's (`android_extension_misplaced`), and Google's list, if
/// there is one, has none of them (`android_revoked`, `android_suspended`).
[[nodiscard]] Result<void> check_android_chain(const std::vector<const X509*>& verified,
                                               const android_key::RevocationList* revocations);
/// §8.6: `webauthn_signature`, `webauthn_certificate`, `webauthn_aaguid`,
/// `webauthn_key_malformed` (not on P-256).
[[nodiscard]] Result<Proof> check_fido_u2f(const Ceremony& ceremony);
/// §8.8: `webauthn_nonce`, `webauthn_key_mismatch`, `webauthn_certificate`.
[[nodiscard]] Result<Proof> check_apple(const Ceremony& ceremony);

/// Members of a statement: `webauthn_statement`.
[[nodiscard]] Result<std::int64_t> algorithm_in(const cbor::Value& statement);
[[nodiscard]] Result<BytesView> octets_in(const cbor::Value& statement, const char* name);

/// ECDSA as DER. `webauthn_alg`, `webauthn_signature`.
[[nodiscard]] Result<void> check_signed_by(EVP_PKEY* key, std::int64_t algorithm,
                                           BytesView signed_octets, BytesView signature);

}  // namespace mintmark::attest::webauthn
