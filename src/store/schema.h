// The shape of a database, by version; brought to the present one at start. For those who keep a
// file of their own: this folder, audit and revoke.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "store/sqlite.h"

namespace mintmark::store {

/// Leads from version `version - 1` to `version`. Once released, a step never changes.
struct Migration {
  std::int64_t version;
  const char* sql;
};

/// A kind of database: what tells its files from others', and how each version is made.
struct Schema {
  std::string name;             ///< "devices", for messages.
  std::int64_t application_id;  ///< Written into the file's header.
  std::span<const Migration> migrations;

  [[nodiscard]] std::int64_t version() const { return migrations.back().version; }
};

[[nodiscard]] const Schema& device_schema();
[[nodiscard]] const Schema& key_state_schema();

/// Brings the database to the schema's version, in one transaction. `store_version`: the file is of
/// a newer program; it is left as it is. `store_foreign`: it is no file of this schema.
[[nodiscard]] Result<void> migrate(Database& database, const Schema& schema);

/// A connection to the file, durable and of the schema's version.
[[nodiscard]] Result<Database> open_database(const std::string& path, unsigned mode,
                                             const Schema& schema);

}  // namespace mintmark::store
