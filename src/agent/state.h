// What a device keeps between two runs: who it is enrolled as, and tokens that still hold.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/identity.h"
#include "agent/renewal.h"
#include "base/file.h"
#include "base/time.h"

namespace mintmark::agent {

/// A token as it was asked for. Useless without the device key, but nobody's business.
struct CachedToken {
  std::string audience;  ///< As asked; "" if left to the issuer.
  std::string scope;     ///< As asked; "" if left to the issuer.
  std::string jkt;       ///< The key it is bound to.
  std::string token;
  Moment obtained_at{};
  Moment expires_at{};
  /// x5t#S256 of the certificate that it is bound to, whose key is that one; "": to the key itself.
  std::string certificate{};
};

/// A directory of mode 0700 with identity.json, tokens.json, nonce.json, renewal.json,
/// element-keys.json, certificate.pem and installed-certificate.pem (0600, replaced atomically),
/// pin-refused-… where a token refused a PIN, and device-key.pem where the device key is a file.
/// Reading needs no lock; who writes holds one, so that two processes do not do the same work twice
/// or undo each other's.
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

  /// The nonce for the next proof to this issuer, not secret; "" if none is kept. One that cannot
  /// be read is none: the issuer gives another.
  [[nodiscard]] std::string nonce(const std::string& issuer) const;
  [[nodiscard]] Result<void> save_nonce(const std::string& issuer, const std::string& nonce) const;

  /// One that cannot be read is an empty one: it only paces and tells.
  [[nodiscard]] RenewalRecord renewal() const;
  [[nodiscard]] Result<void> save(const RenewalRecord& record) const;

  /// CKA_ID of the device key in that token (a PKCS#11 URI): the one that is kept, or a new one,
  /// kept when this returns. Under the lock. `agent_state_invalid`, `io_failed`.
  [[nodiscard]] Result<Bytes> element_key_id(const std::string& token) const;
  /// What is remembered of a PIN that a token refused.
  [[nodiscard]] std::filesystem::path pin_memory() const { return path_ / "pin-refused"; }

  /// Where a device key that is a file lives.
  [[nodiscard]] std::filesystem::path key_file() const { return path_ / "device-key.pem"; }

  /// Waits until no other process writes; held while the descriptor is open.
  [[nodiscard]] Result<UniqueFd> lock() const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit StateDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace mintmark::agent
