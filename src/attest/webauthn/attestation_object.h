// Attestation objects (WebAuthn Level 3 §6.5.4) and client data (§5.8.1), as they are sent: read,
// and nothing of them believed. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "attest/webauthn/authenticator_data.h"

namespace mintmark::attest::webauthn {

struct AttestationObject {
  std::string format;
  cbor::Value statement;  ///< A map.
  Bytes octets;           ///< The authenticator data as they are hashed and signed.
  AuthenticatorData data;
};

/// `webauthn_object_malformed`; errors of cbor::parse and of parse_authenticator_data.
[[nodiscard]] Result<AttestationObject> parse_attestation_object(BytesView octets);

struct ClientData {
  std::string type;
  std::string challenge;
  std::string origin;
  bool cross_origin = false;  ///< Says so, or names a topOrigin.
  Sha256 hash{};
};

/// `webauthn_client_data`
[[nodiscard]] Result<ClientData> parse_client_data(BytesView json);

/// What a ceremony must be of; each is checked where it is given.
struct Expected {
  std::optional<Bytes> challenge;
  std::vector<std::string> rp_ids;
  std::vector<std::string> origins;
};

/// §7.1, 7 to 11: `webauthn_type`, `webauthn_challenge`, `webauthn_origin`,
/// `webauthn_cross_origin`.
[[nodiscard]] Result<void> check_client_data(const ClientData& client, const Expected& expected);
/// §7.1, 14 to 16: `webauthn_rp_id`, `webauthn_user_presence`, `webauthn_attested_data`. Gives the
/// relying party's id; "" where none was expected.
[[nodiscard]] Result<std::string> check_authenticator_data(const AuthenticatorData& data,
                                                           const Expected& expected);

}  // namespace mintmark::attest::webauthn
