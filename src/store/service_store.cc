#include "store/service_store.h"

#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/json.h"
#include "base/mutex.h"
#include "store/schema.h"

namespace mintmark::store {
namespace {

// "MMsv".
constexpr std::int64_t service_application = 0x4D4D7376;

constexpr std::array service_migrations = {
    Migration{1, R"(
      CREATE TABLE service (
        id TEXT PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        jkt TEXT NOT NULL,
        public_jwk TEXT NOT NULL,
        audiences TEXT NOT NULL,
        roles TEXT NOT NULL,
        added_at INTEGER NOT NULL,
        removed_at INTEGER NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX service_one_key ON service (jkt) WHERE removed_at = 0;
    )"},
};

const Schema& service_schema() {
  static const Schema schema{"services", service_application, service_migrations};
  return schema;
}

constexpr std::string_view write_service =
    "INSERT INTO service (id, name, jkt, public_jwk, audiences, roles, added_at, removed_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING";
constexpr std::string_view columns =
    "SELECT id, name, jkt, public_jwk, audiences, roles, added_at, removed_at FROM service ";

Result<std::vector<std::string>> texts_in(const std::string& json, const std::string& id) {
  const auto list = parse_json(json);
  std::vector<std::string> texts;
  bool good = list && list->is_array();
  for (const Json& one : good ? *list : Json::array()) {
    good = good && one.is_string();
    if (good) texts.push_back(one.get<std::string>());
  }
  if (good) return texts;
  return fail(Code::store_failed, "the record of service " + id + " holds a list that is none");
}

Result<ServiceRecord> record_of(const Statement& row) {
  ServiceRecord service;
  service.id = row.text(0);
  service.name = row.text(1);
  service.jkt = row.text(2);
  service.public_jwk = row.text(3);
  auto audiences = texts_in(row.text(4), service.id);
  if (!audiences) return pass_on(audiences);
  auto roles = texts_in(row.text(5), service.id);
  if (!roles) return pass_on(roles);
  service.audiences = std::move(*audiences);
  service.roles = std::move(*roles);
  service.added_at = from_unix(row.integer(6));
  service.removed_at = from_unix(row.integer(7));
  return service;
}

class SqliteServiceStore final : public ServiceStore {
 public:
  explicit SqliteServiceStore(Database database) : database_(std::move(database)) {}

  Result<void> add(const ServiceRecord& service) override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare(write_service);
    if (!statement) return pass_on(statement);
    statement->bind(service.id).bind(service.name).bind(service.jkt).bind(service.public_jwk);
    statement->bind(Json(service.audiences).dump()).bind(Json(service.roles).dump());
    statement->bind(to_unix(service.added_at));
    if (auto written = statement->run(); !written) return written;
    if (database_.changes() == 1) return {};
    return fail(Code::service_exists,
                "a service with this key is registered; remove it first, or give this one a key "
                "of its own");
  }

  Result<ServiceRecord> remove(const std::string& id, Moment now) override {
    const MutexLock lock(mutex_);
    auto transaction = Transaction::begin(database_);
    if (!transaction) return pass_on(transaction);
    auto service = find(id);
    if (!service) return pass_on(service);
    if (!*service) {
      return fail(Code::service_not_found,
                  "there is no service " + printable(id) + "; see mintctl clients list");
    }
    if ((*service)->removed()) return std::move(**service);
    auto statement = database_.prepare("UPDATE service SET removed_at = ? WHERE id = ?");
    if (!statement) return pass_on(statement);
    statement->bind(to_unix(now)).bind(id);
    if (auto written = statement->run(); !written) return pass_on(written);
    if (auto committed = transaction->commit(); !committed) return pass_on(committed);
    (*service)->removed_at = now;
    return std::move(**service);
  }

  Result<std::vector<ServiceRecord>> list() const override {
    const MutexLock lock(mutex_);
    auto statement = database_.prepare(std::string(columns) + "ORDER BY added_at, id");
    if (!statement) return pass_on(statement);
    std::vector<ServiceRecord> services;
    auto row = statement->step();
    for (; row && *row; row = statement->step()) {
      auto service = record_of(*statement);
      if (!service) return pass_on(service);
      services.push_back(std::move(*service));
    }
    if (!row) return pass_on(row);
    return services;
  }

 private:
  Result<std::optional<ServiceRecord>> find(const std::string& id) MINTMARK_REQUIRES(mutex_) {
    auto statement = database_.prepare(std::string(columns) + "WHERE id = ?");
    if (!statement) return pass_on(statement);
    auto row = statement->bind(id).step();
    if (!row) return pass_on(row);
    if (!*row) return std::optional<ServiceRecord>();
    auto service = record_of(*statement);
    if (!service) return pass_on(service);
    return std::optional(std::move(*service));
  }

  mutable Mutex mutex_;
  mutable Database database_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<ServiceStore>> open_service_store(const std::string& path, unsigned mode) {
  auto database = open_database(path, mode, service_schema());
  if (!database) return pass_on(database);
  return std::make_unique<SqliteServiceStore>(std::move(*database));
}

}  // namespace mintmark::store
