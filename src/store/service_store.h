// Services that are registered as clients: a file of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace mintmark::store {

/// A service as an operator registered it. It never changes but that it is removed once; the row
/// stays, so that its id is known for what it was.
struct ServiceRecord {
  std::string id;                      ///< Random; its `client_id`.
  std::string name;                    ///< The operator's word for it; "": none.
  std::string jkt;                     ///< Thumbprint of its key.
  std::string public_jwk;              ///< JSON.
  std::vector<std::string> audiences;  ///< It is told of tokens for these alone.
  std::vector<std::string> roles;      ///< "introspect", "events"
  Moment added_at{};
  Moment removed_at{};  ///< 0: it is registered.

  [[nodiscard]] bool removed() const { return removed_at != Moment{}; }
};

/// Thread-safe; durable and with the errors of DeviceStore.
class ServiceStore {
 public:
  virtual ~ServiceStore() = default;
  /// `service_exists`: a registered service has this key, or this id was ever given.
  [[nodiscard]] virtual Result<void> add(const ServiceRecord& service) = 0;
  /// A second time changes nothing. `service_not_found`.
  [[nodiscard]] virtual Result<ServiceRecord> remove(const std::string& id, Moment now) = 0;
  /// The oldest first, removed ones too.
  [[nodiscard]] virtual Result<std::vector<ServiceRecord>> list() const = 0;
};

/// SQLite, as open_device_store, with its errors.
[[nodiscard]] Result<std::unique_ptr<ServiceStore>> open_service_store(const std::string& path,
                                                                       unsigned mode = 0600);

}  // namespace mintmark::store
