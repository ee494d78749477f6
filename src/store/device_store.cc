#include <mutex>

#include "store/schema.h"
#include "store/store.h"

namespace mintmark::store {
namespace {

#define MINTMARK_DEVICE_COLUMNS \
  "id, format, identity, jkt, public_jwk, facts, labels, state, enrolled_at, attested_at"

constexpr std::string_view use_ticket =
    "INSERT INTO used_ticket (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING";

constexpr std::string_view write_device =
    "INSERT INTO device (" MINTMARK_DEVICE_COLUMNS
    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (format, identity) DO UPDATE SET jkt = excluded.jkt, public_jwk = "
    "excluded.public_jwk, "
    "facts = excluded.facts, state = excluded.state, attested_at = excluded.attested_at "
    "RETURNING " MINTMARK_DEVICE_COLUMNS;

constexpr std::string_view find_device =
    "SELECT " MINTMARK_DEVICE_COLUMNS " FROM device WHERE id = ?";
constexpr std::string_view list_devices =
    "SELECT " MINTMARK_DEVICE_COLUMNS " FROM device ORDER BY enrolled_at, id";

#undef MINTMARK_DEVICE_COLUMNS

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
  device.enrolled_at = from_unix(row.integer(8));
  device.attested_at = from_unix(row.integer(9));
  return device;
}

class SqliteDeviceStore final : public DeviceStore {
 public:
  SqliteDeviceStore(Database writer, Database reader)
      : writer_(std::move(writer)), reader_(std::move(reader)) {}

  Result<DeviceRecord> enrol(const DeviceRecord& device, const std::string& ticket_hash,
                             Moment ticket_expires) override {
    const std::lock_guard lock(writing_);
    auto transaction = Transaction::begin(writer_);
    if (!transaction) return pass_on(transaction);
    if (auto used = use(ticket_hash, ticket_expires); !used) return pass_on(used);
    auto written = write(device);
    if (!written) return written;
    if (auto committed = transaction->commit(); !committed) return pass_on(committed);
    return written;
  }

  Result<std::optional<DeviceRecord>> find(const std::string& id) const override {
    const std::lock_guard lock(reading_);
    auto statement = reader_.prepare(find_device);
    if (!statement) return pass_on(statement);
    auto row = statement->bind(id).step();
    if (!row) return pass_on(row);
    if (!*row) return std::optional<DeviceRecord>();
    return std::optional<DeviceRecord>(record_of(*statement));
  }

  Result<std::vector<DeviceRecord>> list() const override {
    const std::lock_guard lock(reading_);
    auto statement = reader_.prepare(list_devices);
    if (!statement) return pass_on(statement);
    std::vector<DeviceRecord> devices;
    auto row = statement->step();
    for (; row && *row; row = statement->step()) devices.push_back(record_of(*statement));
    if (!row) return pass_on(row);
    return devices;
  }

  Result<void> forget_tickets_before(Moment moment) override {
    const std::lock_guard lock(writing_);
    auto statement = writer_.prepare("DELETE FROM used_ticket WHERE expires_at < ?");
    if (!statement) return pass_on(statement);
    return statement->bind(to_unix(moment)).run();
  }

 private:
  Result<void> use(const std::string& ticket_hash, Moment expires) {
    auto statement = writer_.prepare(use_ticket);
    if (!statement) return pass_on(statement);
    if (auto run = statement->bind(ticket_hash).bind(to_unix(expires)).run(); !run) return run;
    if (writer_.changes() == 1) return {};
    return fail(Code::ticket_used, "this ticket was used before; begin the enrolment anew");
  }

  Result<DeviceRecord> write(const DeviceRecord& device) {
    auto statement = writer_.prepare(write_device);
    if (!statement) return pass_on(statement);
    statement->bind(device.id).bind(device.format).bind(device.identity).bind(device.jkt);
    statement->bind(device.public_jwk).bind(device.facts).bind(device.labels).bind(device.state);
    statement->bind(to_unix(device.enrolled_at)).bind(to_unix(device.attested_at));
    auto row = statement->step();
    if (!row) return pass_on(row);
    if (!*row)
      return fail(Code::store_failed, writer_.path() + ": a device was written and not given");
    DeviceRecord written = record_of(*statement);
    if (auto ended = statement->run(); !ended) return pass_on(ended);
    return written;
  }

  std::mutex writing_;
  Database writer_;
  mutable std::mutex reading_;
  mutable Database reader_;
};

}  // namespace

Result<std::unique_ptr<DeviceStore>> open_device_store(const std::string& path, unsigned mode) {
  auto writer = open_database(path, mode, device_schema());
  if (!writer) return pass_on(writer);
  auto reader = open_database(path, mode, device_schema());
  if (!reader) return pass_on(reader);
  return std::make_unique<SqliteDeviceStore>(std::move(*writer), std::move(*reader));
}

}  // namespace mintmark::store
