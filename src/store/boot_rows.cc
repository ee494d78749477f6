#include "store/boot_rows.h"

#include <zlib.h>

#include "base/bytes.h"

namespace mintmark::store {
namespace {

Result<Bytes> compressed(const std::string& text) {
  if (text.size() > longest_boot_record)
    return fail(Code::invalid_argument, "a boot record is longer than this store takes");
  uLongf size = compressBound(static_cast<uLong>(text.size()));
  Bytes octets(size);
  const auto* from = reinterpret_cast<const Bytef*>(text.data());
  if (compress2(octets.data(), &size, from, static_cast<uLong>(text.size()), Z_BEST_SPEED) != Z_OK)
    return fail(Code::internal, "zlib could not compress a boot record");
  octets.resize(size);
  return octets;
}

Result<std::string> expanded(const Database& database, const std::string& octets,
                             std::int64_t length) {
  if (length < 0 || static_cast<std::size_t>(length) > longest_boot_record)
    return fail(Code::store_failed, database.path() + ": a boot record has an impossible length");
  std::string text(static_cast<std::size_t>(length), '\0');
  auto size = static_cast<uLongf>(text.size());
  const auto* from = reinterpret_cast<const Bytef*>(octets.data());
  auto* to = reinterpret_cast<Bytef*>(text.data());
  if (uncompress(to, &size, from, static_cast<uLong>(octets.size())) != Z_OK || size != text.size())
    return fail(Code::store_failed, database.path() + ": a boot record cannot be read");
  return text;
}

Result<void> remove_last(Database& database, const std::string& device) {
  auto statement = database.prepare("DELETE FROM boot WHERE device = ? AND kind = 'last'");
  if (!statement) return pass_on(statement);
  return statement->bind(device).run();
}

}  // namespace

Result<void> put_boot(Database& database, const std::string& device, const Boot& boot) {
  const auto octets = compressed(boot.record);
  if (!octets) return tl::unexpected<Error>(octets.error());
  if (boot.refused.empty()) {
    if (auto removed = remove_last(database, device); !removed) return removed;
  }
  auto statement = database.prepare(
      "INSERT INTO boot (device, kind, at, refused, appraisal, record, record_octets) "
      "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, kind) DO UPDATE SET at = excluded.at, "
      "refused = excluded.refused, appraisal = excluded.appraisal, record = excluded.record, "
      "record_octets = excluded.record_octets");
  if (!statement) return pass_on(statement);
  statement->bind(device).bind(boot.refused.empty() ? "good" : "last").bind(to_unix(boot.at));
  statement->bind(boot.refused).bind(boot.appraisal);
  return statement->bind(BytesView(*octets))
      .bind(static_cast<std::int64_t>(boot.record.size()))
      .run();
}

Result<Boots> read_boots(Database& database, const std::string& device) {
  auto statement = database.prepare(
      "SELECT kind, at, refused, appraisal, record, record_octets FROM boot WHERE device = ?");
  if (!statement) return pass_on(statement);
  statement->bind(device);
  Boots boots;
  auto row = statement->step();
  for (; row && *row; row = statement->step()) {
    auto record = expanded(database, statement->octets(4), statement->integer(5));
    if (!record) return pass_on(record);
    Boot boot{from_unix(statement->integer(1)), statement->text(2), statement->text(3),
              std::move(*record)};
    (statement->text(0) == "good" ? boots.good : boots.last) = std::move(boot);
  }
  if (!row) return pass_on(row);
  if (!boots.last) boots.last = boots.good;
  return boots;
}

}  // namespace mintmark::store
