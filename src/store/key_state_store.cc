#include <mutex>

#include "store/schema.h"
#include "store/store.h"

namespace mintmark::store {
namespace {

constexpr std::string_view write_key =
    "INSERT INTO signing_key (id, store, purpose, algorithm, kid, public_jwk, state, created_at, "
    "changed_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET store = excluded.store, purpose = excluded.purpose, "
    "algorithm = excluded.algorithm, kid = excluded.kid, public_jwk = excluded.public_jwk, "
    "state = excluded.state, created_at = excluded.created_at, changed_at = excluded.changed_at";

constexpr std::string_view list_keys =
    "SELECT id, store, purpose, algorithm, kid, public_jwk, state, created_at, changed_at "
    "FROM signing_key ORDER BY created_at, id";

KeyRecord record_of(const Statement& row) {
  KeyRecord key;
  key.id = row.text(0);
  key.store = row.text(1);
  key.purpose = row.text(2);
  key.algorithm = row.text(3);
  key.kid = row.text(4);
  key.public_jwk = row.text(5);
  key.state = row.text(6);
  key.created_at = from_unix(row.integer(7));
  key.changed_at = from_unix(row.integer(8));
  return key;
}

class SqliteKeyStateStore final : public KeyStateStore {
 public:
  explicit SqliteKeyStateStore(Database database) : database_(std::move(database)) {}

  Result<void> put(const KeyRecord& key) override {
    const std::lock_guard lock(mutex_);
    auto statement = database_.prepare(write_key);
    if (!statement) return pass_on(statement);
    statement->bind(key.id).bind(key.store).bind(key.purpose).bind(key.algorithm).bind(key.kid);
    statement->bind(key.public_jwk).bind(key.state);
    statement->bind(to_unix(key.created_at)).bind(to_unix(key.changed_at));
    return statement->run();
  }

  Result<std::vector<KeyRecord>> list() const override {
    const std::lock_guard lock(mutex_);
    auto statement = database_.prepare(list_keys);
    if (!statement) return pass_on(statement);
    std::vector<KeyRecord> keys;
    auto row = statement->step();
    for (; row && *row; row = statement->step()) keys.push_back(record_of(*statement));
    if (!row) return pass_on(row);
    return keys;
  }

 private:
  mutable std::mutex mutex_;
  mutable Database database_;
};

}  // namespace

Result<std::unique_ptr<KeyStateStore>> open_key_state_store(const std::string& path,
                                                            unsigned mode) {
  auto database = open_database(path, mode, key_state_schema());
  if (!database) return pass_on(database);
  return std::make_unique<SqliteKeyStateStore>(std::move(*database));
}

}  // namespace mintmark::store
