// Who a device is: its key, and what an issuer gave for it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "agent/boot_logs.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/time.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// A device key in a TPM, and what proves that it is there.
struct TpmKey {
  std::string tcti;  ///< "": the TPM of the system.
  hsm::tpm2::EkKind ek = hsm::tpm2::EkKind::rsa;
  /// hex SHA-256 of the SubjectPublicKeyInfo that vouches for the TPM: the EK's, or a certified
  /// AK's.
  std::string ek_fingerprint;
  hsm::tpm2::AttestationKey ak;
  hsm::tpm2::KeyBlobs device_key;
  LogFiles logs;
  std::string ak_certificate;  ///< Of an AK that persists: where its certificate is (NV or file).
};

/// A device key in the state directory, in the file `StateDirectory::key_file()`: unprotected.
struct FileKey {};

/// A device key in a PKCS#11 token, and the identity there that vouches for it. Never the PIN.
struct Pkcs11Key {
  std::string uri;          ///< As enrolment was given it (hsm/pkcs11/uri.h, parse_key_uri).
  Bytes identity_id;        ///< CKA_ID of the identity key.
  Bytes device_id;          ///< CKA_ID of the device key; the same where one key is both.
  Json device_key;          ///< Public JWK.
  std::string certificate;  ///< The identity's: a file; "": it is in the token.
  std::string fingerprint;  ///< hex SHA-256 of its SubjectPublicKeyInfo.
};

/// Where a device's key lives.
using KeyRecord = std::variant<TpmKey, FileKey, Pkcs11Key>;

/// What evidence earned. While it lasts it authenticates the device; without one its key does.
struct Attestation {
  std::string text;  ///< The client attestation.
  Moment attested_at{};
  Moment expires_at{};
  std::string boot_id;  ///< The kernel's name of the attested boot; "": unknown.
};

/// One enrolment. All of it stands in one file, so that a crash leaves the old enrolment or the new
/// one and never the keys of one with the attestation of the other.
struct Identity {
  std::string issuer;   ///< URL, without a slash at the end.
  std::string ca_file;  ///< Absolute path; "": the system's roots.
  KeyRecord key;
  std::string jkt;  ///< RFC 7638 thumbprint of the device key.
  std::string client_id;
  std::optional<Attestation> attestation;
};

/// Who the device is to whom, and by which key: tokens of another enrolment are not this one's.
[[nodiscard]] inline std::string enrolment_of(const Identity& identity) {
  // None of the three has a line's end.
  return identity.issuer + "\n" + identity.client_id + "\n" + identity.jkt;
}

[[nodiscard]] Json to_json(const Identity& identity);
/// `file` stands in what is wrong: `agent_state_invalid`.
[[nodiscard]] Result<Identity> identity_from(const Json& json, const std::filesystem::path& file);

}  // namespace mintmark::agent
