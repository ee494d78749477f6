// What an authenticator says of one ceremony (WebAuthn Level 3 §6.1): App Attest's is of the same
// form. Pure; thread-safe.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "cbor/cose.h"

namespace mintmark::attest::webauthn {

/// The authenticator's model; all zero where it tells none.
using Aaguid = std::array<std::uint8_t, 16>;
/// "08987058-cadc-4b81-b6e1-30de50dcbe96", as FIDO lists them.
[[nodiscard]] std::string uuid_of(const Aaguid& aaguid);

/// §6.5.1
struct AttestedCredential {
  Aaguid aaguid{};
  Bytes id;
  cbor::CoseKey key;
  Bytes spki;  ///< Of `key`: SubjectPublicKeyInfo, DER.
};

struct AuthenticatorData {
  Sha256 rp_id_hash{};
  std::uint8_t flags = 0;
  std::uint32_t sign_count = 0;
  std::optional<AttestedCredential> credential;  ///< Where flag AT is set.

  [[nodiscard]] bool user_present() const { return (flags & 0x01U) != 0; }
  [[nodiscard]] bool user_verified() const { return (flags & 0x04U) != 0; }
};

/// The 37 octets before the attested credential. `webauthn_auth_data`.
[[nodiscard]] Result<AuthenticatorData> parse_fixed_part(BytesView octets);
/// All of it: extensions are read within bounds and mean nothing here. `webauthn_auth_data`,
/// `webauthn_credential_id` (none, or more than 1023 octets), `webauthn_key_malformed`.
[[nodiscard]] Result<AuthenticatorData> parse_authenticator_data(BytesView octets);

}  // namespace mintmark::attest::webauthn
