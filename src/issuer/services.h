// Services that are registered as clients, in memory as the store has them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "issuer/release_gate.h"
#include "jose/key.h"
#include "store/service_store.h"

namespace mintmark::issuer {

// What a service may do.
inline constexpr std::string_view role_introspect = "introspect";  ///< POST /introspect.
inline constexpr std::string_view role_events = "events";          ///< GET /events, shared signals.

/// A registered service. Immutable.
struct Service {
  std::string id;  ///< `client_id`
  jose::PublicKey key;
  std::vector<std::string> audiences;  ///< It is told of tokens for these alone.
  std::vector<std::string> roles;

  [[nodiscard]] bool has_role(std::string_view role) const;
};

/// Thread-safe. Changes are written before they are in force.
class Services {
 public:
  /// Both must outlive it.
  Services(store::ServiceStore& store, ReleaseGate& gate) : store_(store), gate_(gate) {}

  /// Reads every service; `store_failed` if one cannot be read.
  [[nodiscard]] Result<void> load();

  /// Null where it is not registered, or not any more.
  [[nodiscard]] std::shared_ptr<const Service> find(const std::string& id) const;
  /// Is, or was once, the id of a service.
  [[nodiscard]] bool knows(const std::string& id) const;
  /// The key that a client's assertion is verified with. `service_unknown`.
  [[nodiscard]] Result<jose::PublicKey> key_of(const std::string& id) const;
  /// `service_exists` where a registered service has this key: two clients of one key would be one
  /// to whoever looks at `cnf` alone.
  [[nodiscard]] Result<void> check_key_is_free(const std::string& jkt) const;

  /// Errors of ServiceStore.
  [[nodiscard]] Result<void> add(const store::ServiceRecord& service);
  /// When this returns no token of the service can leave any more, what asks for it finds nothing,
  /// and those of on_removed were told. Errors of ServiceStore.
  [[nodiscard]] Result<store::ServiceRecord> remove(const std::string& id, Moment now);
  /// Registered and removed ones, the oldest first.
  [[nodiscard]] Result<std::vector<store::ServiceRecord>> list() const { return store_.list(); }

  /// Told of each service that is removed, after it is; for what goes on longer than a request.
  /// From the remover's thread; must not block. Set before the first removal.
  void on_removed(std::function<void(const std::string& id)> told);

 private:
  store::ServiceStore& store_;
  ReleaseGate& gate_;
  mutable SharedMutex mutex_;
  /// Null: removed.
  std::unordered_map<std::string, std::shared_ptr<const Service>> by_id_
      MINTMARK_GUARDED_BY(mutex_);
  std::vector<std::function<void(const std::string& id)>> told_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::issuer
