#include "audit/issuance_log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace mintmark::audit {
namespace {

using store::Database;
using store::Statement;
using store::Transaction;

/// More than a front has under way at once by far; beyond, the disk does not keep up.
constexpr std::size_t longest_queue = 8192;
/// Of one transaction: none waits for more than the disk takes for so many.
constexpr std::size_t longest_group = 1024;
/// So few at a time that tokens hardly wait for what is forgotten.
constexpr std::int64_t forgotten_at_a_time = 2000;
/// What is over must go some day, however many tokens are asked for.
constexpr std::chrono::milliseconds longest_politeness{200};

constexpr std::array migrations = {store::Migration{1, R"(
  CREATE TABLE issued (
    number INTEGER PRIMARY KEY NOT NULL,
    jti TEXT NOT NULL,
    device TEXT NOT NULL,
    audience TEXT NOT NULL,
    kid TEXT NOT NULL,
    rule TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    list INTEGER NOT NULL,
    list_index INTEGER NOT NULL,
    ends_with_evidence INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX issued_by_end ON issued (expires_at);
)"}};

const store::Schema& schema() {
  static const store::Schema schema{"issued tokens", 0x4D4D696C, migrations};  // "MMil"
  return schema;
}

/// What an operator can mend by the code alone keeps its own.
tl::unexpected<Error> failed(const Error& error) {
  const bool says_enough = error.code == Code::store_full || error.code == Code::store_read_only ||
                           error.code == Code::store_busy;
  return fail(says_enough ? error.code : Code::issuance_log_failed,
              "the log of issued tokens: " + error.detail, error.native);
}

Result<Statement> prepare_insert(Database& database) {
  return database.prepare(
      "INSERT INTO issued (jti, device, audience, kid, rule, issued_at, expires_at, list, "
      "list_index, ends_with_evidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
}

Result<void> insert(Statement& statement, const Issued& token) {
  return statement.again()
      .bind(token.jti)
      .bind(token.device)
      .bind(token.audience)
      .bind(token.kid)
      .bind(token.rule)
      .bind(to_unix(token.issued_at))
      .bind(to_unix(token.expires_at))
      .bind(std::int64_t{token.list})
      .bind(std::int64_t{token.index})
      .bind(std::int64_t{token.ends_with_evidence})
      .run();
}

Issued read_row(const Statement& row) {
  return {.jti = row.text(0),
          .device = row.text(1),
          .audience = row.text(2),
          .kid = row.text(3),
          .rule = row.text(4),
          .issued_at = from_unix(row.integer(5)),
          .expires_at = from_unix(row.integer(6)),
          .list = static_cast<std::uint32_t>(row.integer(7)),
          .index = static_cast<std::uint32_t>(row.integer(8)),
          .ends_with_evidence = row.integer(9) != 0};
}

class SqliteIssuanceLog final : public IssuanceLog {
 public:
  SqliteIssuanceLog(Database database, Statement insert)
      : health_(store::Health::of(database.path())),
        database_(std::move(database)),
        insert_(std::move(insert)),
        worker_([this] { work(); }) {}

  ~SqliteIssuanceLog() override {
    {
      const MutexLock lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    idle_.notify_all();
    worker_.join();
  }

  void append(Issued entry, std::function<void(Result<void>)> done) override {
    {
      const MutexLock lock(mutex_);
      if (waiting_.size() < longest_queue) {
        waiting_.push_back({std::move(entry), std::move(done)});
        busy_ = true;
        if (waiting_.size() == 1) changed_.notify_all();
        return;
      }
    }
    done(fail(Code::overloaded, "too many tokens wait for the log of issued tokens; come again"));
  }

  Result<void> read_live(Moment now,
                         const std::function<void(const Issued&)>& each) const override {
    const MutexLock lock(database_mutex_);
    auto rows = database_.prepare(
        "SELECT jti, device, audience, kid, rule, issued_at, expires_at, list, list_index, "
        "ends_with_evidence FROM issued WHERE number IN "
        "(SELECT number FROM issued WHERE expires_at > ?) ORDER BY number");
    if (!rows) return failed(rows.error());
    rows->bind(to_unix(now));
    for (;;) {
      const auto row = rows->step();
      if (!row) return failed(row.error());
      if (!*row) return {};
      each(read_row(*rows));
    }
  }

  Result<void> forget_before(Moment moment) override {
    for (;;) {
      const auto forgotten = forget_some(moment);
      if (!forgotten) return failed(forgotten.error());
      if (*forgotten < forgotten_at_a_time) return {};
      let_tokens_go_first();
    }
  }

  Result<void> ready() const override {
    const auto health = health_->check();
    if (!health) return failed(health.error());
    return {};
  }

  Written written() const override { return {entries_.load(), groups_.load()}; }

 private:
  struct Waiting {
    Issued entry;
    std::function<void(Result<void>)> done;
  };

  void work() {
    MutexLock lock(mutex_);
    for (;;) {
      while (!ending_ && waiting_.empty()) changed_.wait(mutex_);
      if (waiting_.empty()) return;
      const auto last =
          waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), longest_group));
      const std::vector<Waiting> group(std::make_move_iterator(waiting_.begin()),
                                       std::make_move_iterator(last));
      waiting_.erase(waiting_.begin(), last);
      busy_ = true;
      lock.unlock();
      const auto written = write(group);
      for (const Waiting& one : group) one.done(written);
      lock.lock();
      busy_ = !waiting_.empty();
      if (!busy_) idle_.notify_all();
    }
  }

  void let_tokens_go_first() {
    const auto until = std::chrono::steady_clock::now() + longest_politeness;
    const MutexLock lock(mutex_);
    while (!ending_ && busy_ && idle_.wait_until(mutex_, until)) continue;
  }

  Result<void> write(const std::vector<Waiting>& group) {
    const MutexLock lock(database_mutex_);
    auto transaction = Transaction::begin(database_);
    if (!transaction) return failed(transaction.error());
    for (const Waiting& one : group) {
      if (auto inserted = insert(insert_, one.entry); !inserted) {
        insert_.again();  // A statement under way would keep the transaction from ending.
        return failed(inserted.error());
      }
    }
    insert_.again();
    if (auto committed = transaction->commit(); !committed) return failed(committed.error());
    entries_ += group.size();
    ++groups_;
    return {};
  }

  Result<std::int64_t> forget_some(Moment moment) {
    const MutexLock lock(database_mutex_);
    auto statement = database_.prepare(
        "DELETE FROM issued WHERE number IN "
        "(SELECT number FROM issued WHERE expires_at < ? LIMIT ?)");
    if (!statement) return pass_on(statement);
    if (auto done = statement->bind(to_unix(moment)).bind(forgotten_at_a_time).run(); !done)
      return pass_on(done);
    return std::int64_t{database_.changes()};
  }

  const std::shared_ptr<store::Health> health_;
  mutable Mutex database_mutex_;
  mutable Database database_ MINTMARK_GUARDED_BY(database_mutex_);
  Statement insert_ MINTMARK_GUARDED_BY(database_mutex_);
  std::atomic<std::uint64_t> entries_ = 0;
  std::atomic<std::uint64_t> groups_ = 0;
  Mutex mutex_;
  Condition changed_;
  std::deque<Waiting> waiting_ MINTMARK_GUARDED_BY(mutex_);
  Condition idle_;
  bool busy_ MINTMARK_GUARDED_BY(mutex_) = false;  ///< Entries are being written, or wait.
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread worker_;  // Last: it ends before what it works on.
};

}  // namespace

Result<std::unique_ptr<IssuanceLog>> open_issuance_log(const std::string& path, unsigned mode) {
  auto database = store::open_database(path, mode, schema());
  if (!database) return pass_on(database);
  auto insert = prepare_insert(*database);
  if (!insert) return pass_on(insert);
  return std::make_unique<SqliteIssuanceLog>(std::move(*database), std::move(*insert));
}

}  // namespace mintmark::audit
