// Which key signs now and which are published: one immutable snapshot at a time, swapped whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_shared.h"
#include "base/json.h"
#include "hsm/key_store.h"
#include "jose/key.h"
#include "keyring/signing_algorithms.h"

namespace mintmark::keyring {

/// A key that verifiers may know; `active` is the one of its store, purpose and algorithm that
/// signs.
struct PublishedKey {
  hsm::KeyId id{};
  std::string store;  ///< Name of the key store in the configuration.
  hsm::Purpose purpose = hsm::Purpose::access_token;
  bool active = false;
  jose::PublicKey public_key;

  [[nodiscard]] const std::string& kid() const { return public_key.thumbprint(); }
  [[nodiscard]] KeyKind kind() const { return {purpose, public_key.algorithm()}; }
};

/// What is published, at one epoch. Immutable, thread-safe; a request keeps the one it began with.
class Snapshot {
 public:
  /// `internal` if a kind has two active keys in one store, a kid stands twice, or a key is for
  /// TLS: what signs handshakes must never verify a token.
  [[nodiscard]] static Result<std::shared_ptr<const Snapshot>> make(std::uint64_t epoch,
                                                                    std::vector<PublishedKey> keys);
  /// As the keeper hands it to the front.
  [[nodiscard]] static Result<std::shared_ptr<const Snapshot>> from_json(const Json& json);
  [[nodiscard]] Json to_json() const;

  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  /// The active key of the first store that has one; nullptr if this purpose has none of this
  /// algorithm yet.
  [[nodiscard]] const PublishedKey* current(hsm::Purpose purpose, jose::Algorithm algorithm) const;
  /// The active keys of this kind, of each store that has one. They live as long as the snapshot.
  [[nodiscard]] std::vector<const PublishedKey*> signing(const KeyKind& kind) const;
  /// The same, `keys_not_ready` naming the kind. A `snapshot` of nullptr has no keys. The view
  /// lives as long as the snapshot.
  [[nodiscard]] static Result<const PublishedKey*> current_of(
      const std::shared_ptr<const Snapshot>& snapshot, KeyKind kind);
  /// A published key of this purpose and no other: purposes never stand in for one another.
  [[nodiscard]] const PublishedKey* find(std::string_view kid, hsm::Purpose purpose) const;
  [[nodiscard]] const std::vector<PublishedKey>& keys() const { return keys_; }

  /// The JWK set (RFC 7517 §5) with `use`, `alg`, `kid` and `mintmark_purpose`, and its strong
  /// entity tag.
  [[nodiscard]] const std::string& jwks() const { return jwks_; }
  [[nodiscard]] const std::string& etag() const { return etag_; }

 private:
  Snapshot() = default;
  std::uint64_t epoch_ = 0;
  std::vector<PublishedKey> keys_;
  std::string jwks_;
  std::string etag_;
};

/// Holds the present snapshot. Thread-safe; no reader waits for a swap.
class Keyring {
 public:
  /// nullptr before the first swap.
  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const { return snapshot_.load(); }
  void swap(std::shared_ptr<const Snapshot> next) { snapshot_.store(std::move(next)); }

 private:
  AtomicShared<const Snapshot> snapshot_;
};

}  // namespace mintmark::keyring
