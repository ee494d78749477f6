#include "store/signal_store.h"

#include <array>

#include "base/mutex.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace mintmark::store {
namespace {

constexpr std::array signal_migrations = {
    Migration{1, R"(
      CREATE TABLE stream (
        id TEXT PRIMARY KEY NOT NULL,
        service TEXT NOT NULL,
        settings TEXT NOT NULL,
        authorization TEXT NOT NULL,
        state TEXT NOT NULL
      ) STRICT;
    )"},
};

// "MMss".
constexpr std::int64_t signal_application = 0x4D4D7373;

const Schema& signal_schema() {
  static const Schema schema{"streams of security events", signal_application, signal_migrations};
  return schema;
}

constexpr std::string_view put_stream =
    "INSERT INTO stream (id, service, settings, authorization, state) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET service = excluded.service, settings = excluded.settings, "
    "authorization = excluded.authorization, state = excluded.state";

class SqliteSignalStore final : public SignalStore {
 public:
  explicit SqliteSignalStore(Database database) : database_(std::move(database)) {}

  Result<void> put(const SignalRow& row) override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare(put_stream);
    if (!statement) return pass_on(statement);
    statement->bind(row.id).bind(row.service).bind(row.settings).bind(row.authorization);
    statement->bind(row.state);
    return statement->run();
  }

  Result<void> set_state(const std::string& id, const std::string& state) override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare("UPDATE stream SET state = ? WHERE id = ?");
    if (!statement) return pass_on(statement);
    statement->bind(state).bind(id);
    return statement->run();
  }

  Result<void> erase(const std::string& id) override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare("DELETE FROM stream WHERE id = ?");
    if (!statement) return pass_on(statement);
    statement->bind(id);
    return statement->run();
  }

  Result<std::vector<SignalRow>> list() const override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare(
        "SELECT id, service, settings, authorization, state FROM stream ORDER BY id");
    if (!statement) return pass_on(statement);
    std::vector<SignalRow> rows;
    auto row = statement->step();
    for (; row && *row; row = statement->step()) {
      rows.push_back({statement->text(0), statement->text(1), statement->text(2),
                      statement->text(3), statement->text(4)});
    }
    if (!row) return pass_on(row);
    return rows;
  }

 private:
  mutable Mutex mutex_;
  mutable Database database_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<SignalStore>> open_signal_store(const std::string& path, unsigned mode) {
  auto database = open_database(path, mode, signal_schema());
  if (!database) return pass_on(database);
  if (auto set = database->execute("PRAGMA secure_delete = ON"); !set) return pass_on(set);
  return std::make_unique<SqliteSignalStore>(std::move(*database));
}

}  // namespace mintmark::store
