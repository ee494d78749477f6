// The rows of the devices' database: read, written and counted, without a thought on who may.
// Private to this folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace mintmark::store {

/// On one connection; a caller who changes something holds a Transaction.
class DeviceRows {
 public:
  explicit DeviceRows(Database& database) : database_(database) {}

  [[nodiscard]] Result<std::optional<DeviceRecord>> by_id(const std::string& id);
  [[nodiscard]] Result<std::optional<DeviceRecord>> by_identity(const std::string& format,
                                                                const std::string& identity);
  /// Of whatever format but "key".
  [[nodiscard]] Result<std::optional<DeviceRecord>> with_identity(const std::string& identity);
  /// Pending devices, of whatever format, whose identity begins so; two at most.
  [[nodiscard]] Result<std::vector<DeviceRecord>> pending_with(const std::string& first_digits);
  [[nodiscard]] Result<std::vector<DeviceRecord>> all();

  /// Inserts, or replaces by id.
  [[nodiscard]] Result<void> put(const DeviceRecord& device);
  [[nodiscard]] Result<void> forget_pending_before(Moment moment);
  [[nodiscard]] Result<std::int64_t> count_pending_of_root(const std::string& root);
  /// Devices under that root that were first enrolled after that moment.
  [[nodiscard]] Result<std::int64_t> count_of_root_since(const std::string& root, Moment moment);
  [[nodiscard]] Result<std::int64_t> count_pending_from(const std::string& address);

  /// False if it was used before.
  [[nodiscard]] Result<bool> use_ticket(const std::string& hash, Moment expires);

 private:
  [[nodiscard]] Result<std::optional<DeviceRecord>> one(Result<Statement> statement);
  [[nodiscard]] Result<std::vector<DeviceRecord>> many(Result<Statement> statement);
  [[nodiscard]] Result<std::int64_t> count(std::string_view sql, const std::string& value);

  Database& database_;
};

}  // namespace mintmark::store
