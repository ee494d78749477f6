// What must outlive the processes: two ports, two files, because the front may write devices and
// must not be able to touch the record of keys.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace mintmark::store {

/// A device as it was last attested. One row per EK; attesting again replaces the keys and keeps
/// the id.
struct DeviceRecord {
  std::string id;          ///< Random; `sub` and `client_id` of its tokens.
  std::string format;      ///< "tpm2"
  std::string identity;    ///< What the device is recognised by: hex SHA-256 of the EK's
                           ///< SubjectPublicKeyInfo.
  std::string jkt;         ///< Thumbprint of the device key.
  std::string public_jwk;  ///< JSON.
  std::string facts;       ///< JSON object: what was attested.
  std::string labels;      ///< JSON object, set by operators only.
  std::string state;       ///< "enrolled"
  Moment enrolled_at{};    ///< First.
  Moment attested_at{};    ///< Last.
};

/// Devices and used tickets. Thread-safe. A call that returned without error is on disk
/// (synchronous=FULL). Errors: `store_busy`, `store_failed` (native: SQLite's extended result
/// code).
class DeviceStore {
 public:
  virtual ~DeviceStore() = default;
  /// In one transaction: the ticket is marked used (`ticket_used` if it was) and the device is
  /// written; if the identity is known, its id, labels and enrolled_at are kept. Gives the row as
  /// it now stands.
  [[nodiscard]] virtual Result<DeviceRecord> enrol(const DeviceRecord& device,
                                                   const std::string& ticket_hash,
                                                   Moment ticket_expires) = 0;
  [[nodiscard]] virtual Result<std::optional<DeviceRecord>> find(const std::string& id) const = 0;
  [[nodiscard]] virtual Result<std::vector<DeviceRecord>> list() const = 0;
  /// Forgets used tickets that have expired; a ticket past its life is refused by its own seal.
  [[nodiscard]] virtual Result<void> forget_tickets_before(Moment moment) = 0;
};

/// A signing key's life; the store alone holds it, never the hardware.
struct KeyRecord {
  std::string id;     ///< CKA_ID, hexadecimal; the intent, written before generation.
  std::string store;  ///< Name of the key store in the configuration.
  std::string purpose;
  std::string algorithm;
  std::string kid;         ///< "" until generated.
  std::string public_jwk;  ///< JSON; "" until generated.
  std::string state;       ///< planned, published, active, retiring, retired, destroyed
  Moment created_at{};
  Moment changed_at{};
};

/// The journal of keys. Thread-safe; durable and with the errors of DeviceStore.
class KeyStateStore {
 public:
  virtual ~KeyStateStore() = default;
  [[nodiscard]] virtual Result<void> put(const KeyRecord& key) = 0;  ///< Inserts or replaces by id.
  [[nodiscard]] virtual Result<std::vector<KeyRecord>> list() const = 0;
};

/// SQLite: WAL, synchronous=FULL, foreign_keys, busy_timeout; schema versioned by user_version and
/// migrated in one transaction. The file is created with `mode` whatever the umask (SQLite's -wal
/// and -shm follow it) and, when root creates it, with its directory's owner and group: it does not
/// matter which of two processes opens it first. Both may have it open at once. A store must not be
/// carried over a fork that does not exec. Errors: also `store_version` (made by a newer program)
/// and `store_foreign` (some other database); such a file is left untouched.
[[nodiscard]] Result<std::unique_ptr<DeviceStore>> open_device_store(const std::string& path,
                                                                     unsigned mode = 0600);
[[nodiscard]] Result<std::unique_ptr<KeyStateStore>> open_key_state_store(const std::string& path,
                                                                          unsigned mode = 0600);

/// One active issuer a store. Held by an operating-system lock on `path`, so a holder that dies
/// loses it at once. `lease_held` names the holder (pid, since when).
class Lease {
 public:
  [[nodiscard]] static Result<Lease> take(const std::string& path);
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();

 private:
  explicit Lease(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace mintmark::store
