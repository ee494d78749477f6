// What a device keeps between two runs: who it is enrolled as, and tokens that still hold.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/time.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// One enrolment: the keys, and what the issuer gave for them. They stand in one file, so that a
/// crash leaves the old enrolment or the new one and never the keys of one with the attestation of
/// the other.
struct Identity {
  std::string issuer;   ///< URL, without a slash at the end.
  std::string ca_file;  ///< Absolute path; "": the system's roots.
  std::string tcti;     ///< "": the TPM of the system.
  hsm::tpm2::EkKind ek = hsm::tpm2::EkKind::rsa;
  std::string ek_fingerprint;  ///< hex SHA-256 of the EK's SubjectPublicKeyInfo.
  hsm::tpm2::KeyBlobs ak;
  hsm::tpm2::KeyBlobs device_key;
  std::string jkt;  ///< RFC 7638 thumbprint of the device key.
  std::string client_id;
  std::string client_attestation;
  Moment attested_at{};
  Moment expires_at{};  ///< Of the client attestation.
};

/// A token as it was asked for. Useless without the device key, but nobody's business.
struct CachedToken {
  std::string audience;  ///< As asked; "" if left to the issuer.
  std::string scope;     ///< As asked; "" if left to the issuer.
  std::string jkt;       ///< The key it is bound to.
  std::string token;
  Moment obtained_at{};
  Moment expires_at{};
};

/// A directory of mode 0700 with identity.json and tokens.json (0600, replaced atomically). Reading
/// needs no lock; who writes holds one, so that two processes do not do the same work twice or undo
/// each other's.
class StateDirectory {
 public:
  /// Made if it is not there. `agent_state_exposed` if others than its owner may enter it, or it is
  /// not ours.
  [[nodiscard]] static Result<StateDirectory> open(const std::filesystem::path& path);

  /// `agent_not_enrolled` if there is none; `agent_state_invalid` names the file and the member.
  [[nodiscard]] Result<Identity> identity() const;
  [[nodiscard]] Result<void> save(const Identity& identity) const;

  /// None if there is no file.
  [[nodiscard]] Result<std::vector<CachedToken>> tokens() const;
  [[nodiscard]] Result<void> save(const std::vector<CachedToken>& tokens) const;

  /// Waits until no other process writes; held while the descriptor is open.
  [[nodiscard]] Result<UniqueFd> lock() const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit StateDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace mintmark::agent
