// Certificates inside attestation statements (member "x5c"), and the extensions that they are asked
// for: App Attest's too. Pure; thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "attest/webauthn/authenticator_data.h"
#include "attest/x509/certificate.h"

namespace mintmark::attest::webauthn {

struct Certificates {
  x509::Certificate leaf;                  ///< Its key is bounded.
  std::vector<x509::Certificate> offered;  ///< Those above it.
};

/// One to nine certificates, DER, leaf first. `malformed` where they are not.
[[nodiscard]] Result<Certificates> read_x5c(const cbor::Value& statement, Code malformed);

/// The content of an extension by its dotted number; nothing where it is absent.
[[nodiscard]] std::optional<BytesView> extension_of(const X509* certificate, const char* oid);
[[nodiscard]] EVP_PKEY* key_of(const Certificates& certificates);

/// Apple's anonymous attestation (§8.8) and App Attest: SEQUENCE { [1] EXPLICIT OCTET STRING } in
/// extension 1.2.840.113635.100.8.2. Nothing where it is absent or of another form.
[[nodiscard]] std::optional<Bytes> apple_nonce_of(const X509* certificate);

/// What all attestation certificates of authenticators must be (§8.2.1, §8.3.1): version 3, no
/// authority, by a basicConstraints that is there; and no Android key's, whose subject is chosen by
/// whoever made the key. `webauthn_certificate`.
[[nodiscard]] Result<void> check_attestation_certificate(X509* leaf);
/// §8.2.1: subject and all of the above, and no TPM's key. `webauthn_certificate`.
[[nodiscard]] Result<void> check_packed_certificate(X509* leaf);
/// Where the certificate names the model (id-fido-gen-ce-aaguid) it is the credential's.
/// Whether it does. `webauthn_aaguid`, `webauthn_certificate` (the extension is critical or cannot
/// be read).
[[nodiscard]] Result<bool> check_certified_aaguid(const X509* leaf, const Aaguid& aaguid);
/// An Android KeyDescription stands in it. A Keystore signs whatever its app wants signed.
[[nodiscard]] bool is_android_keys(const X509* leaf);
/// A usage of TCG's (2.23.133…: AIKs, EKs), or the names of a TPM. A restricted key of a TPM signs
/// whatever its owner hashes there and does not begin as a TPM's own statement (TPM2_Hash,
/// FF544347).
[[nodiscard]] bool is_tpm_keys(const X509* leaf);

}  // namespace mintmark::attest::webauthn
