#include "store/device_rows.h"

namespace mintmark::store {
namespace {

#define MINTMARK_DEVICE_COLUMNS                                                                   \
  "id, format, identity, jkt, public_jwk, facts, labels, state, root, enrolled_at, attested_at, " \
  "pending_from, pending_since, revoked_at, revoked_why, fresh_for, evidence_ended_at, "          \
  "evidence_ended_why, boot, facts_before"
#define MINTMARK_SELECT_DEVICE "SELECT " MINTMARK_DEVICE_COLUMNS " FROM device "

constexpr std::string_view put_device =
    "INSERT INTO device (" MINTMARK_DEVICE_COLUMNS
    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET jkt = excluded.jkt, public_jwk = excluded.public_jwk, "
    "facts = excluded.facts, labels = excluded.labels, state = excluded.state, "
    "root = excluded.root, enrolled_at = excluded.enrolled_at, "
    "attested_at = excluded.attested_at, pending_from = excluded.pending_from, "
    "pending_since = excluded.pending_since, revoked_at = excluded.revoked_at, "
    "revoked_why = excluded.revoked_why, fresh_for = excluded.fresh_for, "
    "evidence_ended_at = excluded.evidence_ended_at, "
    "evidence_ended_why = excluded.evidence_ended_why, boot = excluded.boot, "
    "facts_before = excluded.facts_before "
    "WHERE format = excluded.format AND identity = excluded.identity";

DeviceRecord record_of(const Statement& row) {
  DeviceRecord device;
  device.id = row.text(0);
  device.format = row.text(1);
  device.identity = row.text(2);
  device.jkt = row.text(3);
  device.public_jwk = row.text(4);
  device.facts = row.text(5);
  device.labels = row.text(6);
  device.state = row.text(7);
  device.root = row.text(8);
  device.enrolled_at = from_unix(row.integer(9));
  device.attested_at = from_unix(row.integer(10));
  device.pending_from = row.text(11);
  device.pending_since = from_unix(row.integer(12));
  device.revoked_at = from_unix(row.integer(13));
  device.revoked_why = row.text(14);
  device.fresh_for = std::chrono::seconds(row.integer(15));
  device.evidence_ended_at = from_unix(row.integer(16));
  device.evidence_ended_why = row.text(17);
  device.boot = row.text(18);
  device.facts_before = row.text(19);
  return device;
}

}  // namespace

Result<std::vector<DeviceRecord>> DeviceRows::many(Result<Statement> statement) {
  if (!statement) return pass_on(statement);
  std::vector<DeviceRecord> devices;
  auto row = statement->step();
  for (; row && *row; row = statement->step()) devices.push_back(record_of(*statement));
  if (!row) return pass_on(row);
  return devices;
}

Result<std::optional<DeviceRecord>> DeviceRows::one(Result<Statement> statement) {
  auto devices = many(std::move(statement));
  if (!devices) return pass_on(devices);
  if (devices->empty()) return std::optional<DeviceRecord>();
  return std::optional<DeviceRecord>(std::move(devices->front()));
}

Result<std::optional<DeviceRecord>> DeviceRows::by_id(const std::string& id) {
  auto statement = database_.prepare(MINTMARK_SELECT_DEVICE "WHERE id = ?");
  if (statement) statement->bind(id);
  return one(std::move(statement));
}

Result<std::optional<DeviceRecord>> DeviceRows::by_identity(const std::string& format,
                                                            const std::string& identity) {
  auto statement = database_.prepare(MINTMARK_SELECT_DEVICE "WHERE format = ? AND identity = ?");
  if (statement) statement->bind(format).bind(identity);
  return one(std::move(statement));
}

Result<std::optional<DeviceRecord>> DeviceRows::with_identity(const std::string& identity) {
  auto statement =
      database_.prepare(MINTMARK_SELECT_DEVICE "WHERE identity = ? AND format <> 'key' LIMIT 1");
  if (statement) statement->bind(identity);
  return one(std::move(statement));
}

Result<std::vector<DeviceRecord>> DeviceRows::pending_with(const std::string& first_digits) {
  auto statement = database_.prepare(MINTMARK_SELECT_DEVICE
                                     "WHERE state = 'pending' AND format <> 'key' AND "
                                     "substr(identity, 1, length(?1)) = ?1 LIMIT 2");
  if (statement) statement->bind(first_digits);
  return many(std::move(statement));
}

Result<std::vector<DeviceRecord>> DeviceRows::all() {
  return many(database_.prepare(MINTMARK_SELECT_DEVICE "ORDER BY enrolled_at, id"));
}

Result<void> DeviceRows::put(const DeviceRecord& device) {
  auto statement = database_.prepare(put_device);
  if (!statement) return pass_on(statement);
  statement->bind(device.id).bind(device.format).bind(device.identity).bind(device.jkt);
  statement->bind(device.public_jwk).bind(device.facts).bind(device.labels).bind(device.state);
  statement->bind(device.root).bind(to_unix(device.enrolled_at)).bind(to_unix(device.attested_at));
  statement->bind(device.pending_from).bind(to_unix(device.pending_since));
  statement->bind(to_unix(device.revoked_at)).bind(device.revoked_why);
  statement->bind(device.fresh_for.count());
  statement->bind(to_unix(device.evidence_ended_at))
      .bind(device.evidence_ended_why)
      .bind(device.boot)
      .bind(device.facts_before);
  if (auto run = statement->run(); !run) return run;
  if (database_.changes() == 1) return {};
  return fail(Code::store_failed, database_.path() + ": id " + device.id + " is another device's");
}

Result<void> DeviceRows::forget_pending_before(Moment moment) {
  auto statement =
      database_.prepare("DELETE FROM device WHERE state = 'pending' AND pending_since < ?");
  if (!statement) return pass_on(statement);
  return statement->bind(to_unix(moment)).run();
}

Result<std::int64_t> DeviceRows::count(std::string_view sql, const std::string& value) {
  auto statement = database_.prepare(sql);
  if (!statement) return pass_on(statement);
  auto row = statement->bind(value).step();
  if (!row) return pass_on(row);
  return *row ? statement->integer(0) : 0;
}

Result<std::int64_t> DeviceRows::count_pending_of_root(const std::string& root) {
  return count("SELECT count(*) FROM device WHERE state = 'pending' AND root = ?", root);
}

Result<std::int64_t> DeviceRows::count_of_root_since(const std::string& root, Moment moment) {
  auto statement =
      database_.prepare("SELECT count(*) FROM device WHERE root = ? AND enrolled_at > ?");
  if (!statement) return pass_on(statement);
  auto row = statement->bind(root).bind(to_unix(moment)).step();
  if (!row) return pass_on(row);
  return *row ? statement->integer(0) : 0;
}

Result<std::int64_t> DeviceRows::count_pending_from(const std::string& address) {
  return count("SELECT count(*) FROM device WHERE state = 'pending' AND pending_from = ?", address);
}

Result<bool> DeviceRows::use_ticket(const std::string& hash, Moment expires) {
  auto statement = database_.prepare(
      "INSERT INTO used_ticket (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING");
  if (!statement) return pass_on(statement);
  if (auto run = statement->bind(hash).bind(to_unix(expires)).run(); !run) return pass_on(run);
  return database_.changes() == 1;
}

#undef MINTMARK_SELECT_DEVICE
#undef MINTMARK_DEVICE_COLUMNS

}  // namespace mintmark::store
