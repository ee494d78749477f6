#include <array>

#include "base/bytes.h"
#include "base/mutex.h"
#include "store/schema.h"
#include "store/store.h"

namespace mintmark::store {
namespace {

constexpr std::array<std::string_view, key_states> state_names{
    "planned", "published", "active", "retiring", "retired", "destroyed"};

// The moments stand in the order of the states. A second active key of a kind violates the index
// signing_key_one_active.
constexpr std::string_view write_key =
    "INSERT INTO signing_key (id, store, purpose, algorithm, kid, public_jwk, state, planned_at, "
    "published_at, active_at, retiring_at, retired_at, destroyed_at, longest_life, "
    "rotation_asked_at, revoked_why) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET store = excluded.store, purpose = excluded.purpose, "
    "algorithm = excluded.algorithm, kid = excluded.kid, public_jwk = excluded.public_jwk, "
    "state = excluded.state, planned_at = excluded.planned_at, "
    "published_at = excluded.published_at, active_at = excluded.active_at, "
    "retiring_at = excluded.retiring_at, retired_at = excluded.retired_at, "
    "destroyed_at = excluded.destroyed_at, longest_life = excluded.longest_life, "
    "rotation_asked_at = excluded.rotation_asked_at, revoked_why = excluded.revoked_why";

constexpr std::string_view list_keys =
    "SELECT id, store, purpose, algorithm, kid, public_jwk, state, planned_at, published_at, "
    "active_at, retiring_at, retired_at, destroyed_at, longest_life, rotation_asked_at, "
    "revoked_why FROM signing_key ORDER BY planned_at, id";

constexpr std::string_view write_mark =
    "INSERT INTO clock (one, mark) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET mark = "
    "excluded.mark";

constexpr int first_moment = 7;
// Nobody else writes it: the lease says so.
constexpr std::chrono::milliseconds patience{500};

Result<KeyRecord> record_of(const Statement& row) {
  KeyRecord key;
  key.id = row.text(0);
  key.store = row.text(1);
  key.purpose = row.text(2);
  key.algorithm = row.text(3);
  key.kid = row.text(4);
  key.public_jwk = row.text(5);
  auto state = key_state_named(row.text(6));
  if (!state)
    return fail(Code::store_failed, "the record of key " + key.id + ": " + state.error().detail);
  key.state = *state;
  int column = first_moment;
  for (Moment& moment : key.since) moment = from_unix(row.integer(column++));
  key.longest_life = std::chrono::seconds(row.integer(column++));
  key.rotation_asked_at = from_unix(row.integer(column++));
  key.revoked_why = row.text(column);
  return key;
}

class SqliteKeyStateStore final : public KeyStateStore {
 public:
  explicit SqliteKeyStateStore(Database database) : database_(std::move(database)) {}

  Result<void> put(std::span<const KeyRecord> keys) override {
    const MutexLock lock(mutex_);
    auto transaction = Transaction::begin(database_);
    if (!transaction) return pass_on(transaction);
    for (const KeyRecord& key : keys) {
      if (auto written = write(key); !written) return written;
    }
    return transaction->commit();
  }

  Result<std::vector<KeyRecord>> list() const override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare(list_keys);
    if (!statement) return pass_on(statement);
    std::vector<KeyRecord> keys;
    auto row = statement->step();
    for (; row && *row; row = statement->step()) {
      auto key = record_of(*statement);
      if (!key) return pass_on(key);
      keys.push_back(std::move(*key));
    }
    if (!row) return pass_on(row);
    return keys;
  }

  Result<void> forget(const std::string& id) override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare("DELETE FROM signing_key WHERE id = ?");
    if (!statement) return pass_on(statement);
    statement->bind(id);
    return statement->run();
  }

  Result<Moment> clock_mark() const override {
    const MutexLock lock(mutex_);
    auto mark = database_.integer("SELECT coalesce(max(mark), 0) FROM clock");
    if (!mark) return pass_on(mark);
    return from_unix(*mark);
  }

  Result<void> set_clock_mark(Moment mark) override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare(write_mark);
    if (!statement) return pass_on(statement);
    statement->bind(to_unix(mark));
    return statement->run();
  }

 private:
  Result<void> write(const KeyRecord& key) MINTMARK_REQUIRES(mutex_) {
    auto statement = database_.prepare(write_key);
    if (!statement) return pass_on(statement);
    statement->bind(key.id).bind(key.store).bind(key.purpose).bind(key.algorithm).bind(key.kid);
    statement->bind(key.public_jwk).bind(name_of(key.state));
    for (const Moment moment : key.since) statement->bind(to_unix(moment));
    statement->bind(std::int64_t{key.longest_life.count()}).bind(to_unix(key.rotation_asked_at));
    statement->bind(key.revoked_why);
    return statement->run();
  }

  mutable Mutex mutex_;
  mutable Database database_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace

std::string_view name_of(KeyState state) { return state_names.at(static_cast<std::size_t>(state)); }

Result<KeyState> key_state_named(std::string_view name) {
  for (std::size_t i = 0; i < state_names.size(); ++i) {
    if (state_names.at(i) == name) return static_cast<KeyState>(i);
  }
  return fail(Code::invalid_argument, "no state of a key: " + printable(name));
}

Result<std::unique_ptr<KeyStateStore>> open_key_state_store(const std::string& path,
                                                            unsigned mode) {
  auto database = open_database(path, mode, key_state_schema());
  if (!database) return pass_on(database);
  // The keeper's one thread looks after everything else meanwhile.
  database->wait_for_others(patience);
  return std::make_unique<SqliteKeyStateStore>(std::move(*database));
}

}  // namespace mintmark::store
