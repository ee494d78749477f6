// App Attest's attestation objects and assertions (Apple, "Validating apps that connect to your
// server"). Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/webauthn/attestation_object.h"
#include "attest/webauthn/certificates.h"
#include "attest/x509/chain.h"

namespace mintmark::attest::apple_appattest {

enum class Environment : std::uint8_t { production, development };
/// "production", "development"
[[nodiscard]] const char* name_of(Environment environment);

struct Attestation {
  Bytes octets;  ///< The authenticator data as they are hashed.
  webauthn::AuthenticatorData data;
  webauthn::Certificates certificates;
  Bytes receipt;  ///< Apple's, CMS; carried and not believed. May be empty.

  [[nodiscard]] const webauthn::AttestedCredential& credential() const { return *data.credential; }
};
/// `appattest_object_malformed`; errors of cbor::parse.
[[nodiscard]] Result<Attestation> parse_attestation(BytesView octets);

/// nothing: an aaguid of neither.
[[nodiscard]] std::optional<Environment> environment_of(const webauthn::Aaguid& aaguid);

/// What it must be of; each is checked where it is given.
struct Expected {
  std::optional<Bytes> client_data_hash;
  std::vector<std::string> app_ids;
  std::optional<Bytes> key_id;
};

/// Steps 2 to 9, without the chain: `appattest_certificate` (an authority's, or no key on P-256),
/// `appattest_nonce`, `appattest_key_mismatch`, `appattest_key_id`, `appattest_app_id`,
/// `appattest_counter`, `appattest_credential_id`, `appattest_environment` (no such aaguid). Gives
/// the app's id; "" where none was expected.
[[nodiscard]] Result<std::string> check_attestation(const Attestation& attestation,
                                                    const Expected& expected);

/// Step 1: to the root of that digest (hex SHA-256) and no other. `appattest_root`,
/// `certificate_…`.
[[nodiscard]] Result<x509::Chain> check_chain(const Attestation& attestation,
                                              const x509::Trust& trust,
                                              const std::string& root_digest, Moment at);

struct Assertion {
  Bytes octets;
  webauthn::AuthenticatorData data;  ///< Of the 37 octets that there are.
  Bytes signature;
};
/// `appattest_assertion_malformed`; errors of cbor::parse.
[[nodiscard]] Result<Assertion> parse_assertion(BytesView octets);
/// Whether octets are an assertion rather than an attestation: by their members.
[[nodiscard]] bool is_assertion(BytesView octets);

/// By the attested key (SubjectPublicKeyInfo), for that app; the counter is whoever's who knows the
/// last one. `appattest_signature`, `appattest_app_id`, `appattest_counter` (zero).
[[nodiscard]] Result<std::string> check_assertion(const Assertion& assertion, BytesView spki,
                                                  const Expected& expected);

/// Signed by the certificate that it carries; whose that is nobody asks here (Apple's receipts have
/// a root of their own). `appattest_receipt`.
[[nodiscard]] Result<void> check_receipt(BytesView receipt);

}  // namespace mintmark::attest::apple_appattest
