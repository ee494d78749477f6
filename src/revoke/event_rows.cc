#include "revoke/event_rows.h"

#include <algorithm>
#include <array>

#include "jose/base64url.h"
#include "store/schema.h"
#include "verify/frontier.h"

namespace mintmark::revoke {
namespace {

using store::Database;
using store::Transaction;

constexpr std::array migrations = {store::Migration{1, R"(
  CREATE TABLE log (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    head BLOB NOT NULL,
    forgotten INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE event (
    seq INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    entry TEXT NOT NULL
  ) STRICT;
  CREATE INDEX event_by_end ON event (until);
)"}};

constexpr std::size_t name_octets = 16;

const store::Schema& schema() {
  static const store::Schema schema{"events", 0x4D4D6576, migrations};  // "MMev"
  return schema;
}

std::int64_t number_of(std::uint64_t seq) { return static_cast<std::int64_t>(seq); }

}  // namespace

Result<EventRows> EventRows::open(const std::string& path, unsigned mode) {
  auto writer = store::open_database(path, mode, schema());
  if (!writer) return pass_on(writer);
  auto reader = store::open_database(path, mode, schema());
  if (!reader) return pass_on(reader);
  EventRows rows(*std::move(writer), *std::move(reader));
  if (auto made = rows.make_log(); !made) return pass_on(made);
  return rows;
}

Result<void> EventRows::make_log() {
  const auto there = writer_.integer("SELECT count(*) FROM log");
  if (!there) return tl::unexpected<Error>(there.error());
  if (*there != 0) return {};
  const std::string name = jose::random_name(name_octets);
  auto insert = writer_.prepare(
      "INSERT OR IGNORE INTO log (one, name, seq, head, forgotten) VALUES (1, ?, 0, ?, 0)");
  if (!insert) return pass_on(insert);
  return insert->bind(name).bind(BytesView(verify::empty_head(name))).run();
}

Result<EventRows::State> EventRows::state() {
  auto statement = writer_.prepare("SELECT name, seq, head, forgotten FROM log");
  if (!statement) return pass_on(statement);
  auto row = statement->step();
  if (!row) return pass_on(row);
  State state;
  const std::string head = *row ? statement->octets(2) : "";
  if (head.size() != state.head.size())
    return fail(Code::store_failed, writer_.path() + ": does not say where its log stands");
  state.log = statement->text(0);
  state.seq = static_cast<std::uint64_t>(statement->integer(1));
  std::copy(head.begin(), head.end(), state.head.begin());
  state.forgotten = static_cast<std::uint64_t>(statement->integer(3));
  return state;
}

Result<void> EventRows::each(const std::function<Result<void>(const std::string&)>& one) {
  auto statement = writer_.prepare("SELECT entry FROM event ORDER BY seq");
  if (!statement) return pass_on(statement);
  for (;;) {
    auto row = statement->step();
    if (!row) return pass_on(row);
    if (!*row) return {};
    if (auto taken = one(statement->text(0)); !taken) return taken;
  }
}

Result<std::vector<EventRow>> EventRows::after(std::uint64_t seq, std::size_t most) {
  const MutexLock lock(*reading_);
  auto statement =
      reader_.prepare("SELECT seq, entry FROM event WHERE seq > ? ORDER BY seq LIMIT ?");
  if (!statement) return pass_on(statement);
  statement->bind(number_of(seq)).bind(static_cast<std::int64_t>(most));
  std::vector<EventRow> rows;
  for (;;) {
    auto row = statement->step();
    if (!row) return pass_on(row);
    if (!*row) return rows;
    rows.push_back({static_cast<std::uint64_t>(statement->integer(0)), {}, {}, statement->text(1)});
  }
}

Result<void> EventRows::append(const std::vector<EventRow>& rows, const Sha256& head) {
  auto insert = writer_.prepare("INSERT INTO event (seq, at, until, entry) VALUES (?, ?, ?, ?)");
  if (!insert) return pass_on(insert);
  auto move = writer_.prepare("UPDATE log SET seq = ?, head = ?");
  if (!move) return pass_on(move);
  auto transaction = Transaction::begin(writer_);
  if (!transaction) return pass_on(transaction);
  for (const EventRow& row : rows) {
    insert->again();
    insert->bind(number_of(row.seq)).bind(to_unix(row.at)).bind(to_unix(row.until)).bind(row.text);
    if (auto run = insert->run(); !run) return run;
  }
  // A statement under way would keep the transaction from ending.
  insert->again();
  if (auto run = move->bind(number_of(rows.back().seq)).bind(BytesView(head)).run(); !run)
    return run;
  move->again();
  return transaction->commit();
}

Result<std::uint64_t> EventRows::forget(Moment until_before, Moment at_before, std::size_t most) {
  auto over =
      writer_.prepare("SELECT seq FROM event WHERE until < ? AND at < ? ORDER BY until LIMIT ?");
  if (!over) return pass_on(over);
  over->bind(to_unix(until_before)).bind(to_unix(at_before)).bind(static_cast<std::int64_t>(most));
  std::vector<std::int64_t> numbers;
  for (;;) {
    auto row = over->step();
    if (!row) return pass_on(row);
    if (!*row) break;
    numbers.push_back(over->integer(0));
  }
  over->again();
  if (numbers.empty()) return std::uint64_t{0};
  const std::int64_t highest = *std::max_element(numbers.begin(), numbers.end());
  auto take_out = writer_.prepare("DELETE FROM event WHERE seq = ?");
  if (!take_out) return pass_on(take_out);
  auto move = writer_.prepare("UPDATE log SET forgotten = max(forgotten, ?)");
  if (!move) return pass_on(move);
  auto transaction = Transaction::begin(writer_);
  if (!transaction) return pass_on(transaction);
  for (const std::int64_t number : numbers) {
    if (auto run = take_out->again().bind(number).run(); !run) return pass_on(run);
  }
  take_out->again();
  if (auto run = move->bind(highest).run(); !run) return pass_on(run);
  move->again();
  if (auto committed = transaction->commit(); !committed) return pass_on(committed);
  return static_cast<std::uint64_t>(highest);
}

}  // namespace mintmark::revoke
