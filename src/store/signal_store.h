// Streams of security events (OpenID Shared Signals Framework), as they outlive the process: what
// each says is for revoke/signals to know.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace mintmark::store {

struct SignalRow {
  std::string id;
  std::string service;        ///< Whose stream it is.
  std::string settings;       ///< JSON.
  std::string authorization;  ///< What its receiver wants to see; a secret.
  std::string state;          ///< JSON; changes with each delivery.
};

/// Thread-safe. A call that returned without error is on disk. Errors of all: `store_busy`,
/// `store_failed`.
class SignalStore {
 public:
  virtual ~SignalStore() = default;
  /// In place of one of the same id.
  [[nodiscard]] virtual Result<void> put(const SignalRow& row) = 0;
  /// Of a stream that is not there: nothing.
  [[nodiscard]] virtual Result<void> set_state(const std::string& id, const std::string& state) = 0;
  /// What stood there is overwritten in the file (secure_delete).
  [[nodiscard]] virtual Result<void> erase(const std::string& id) = 0;
  [[nodiscard]] virtual Result<std::vector<SignalRow>> list() const = 0;
};

/// SQLite, a file of its own. Errors of open_device_store.
[[nodiscard]] Result<std::unique_ptr<SignalStore>> open_signal_store(const std::string& path,
                                                                     unsigned mode = 0600);

}  // namespace mintmark::store
