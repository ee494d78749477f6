// A little of SQLite, owned: connections, statements, transactions. For those who keep a file of
// their own: this folder, audit and revoke.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "store/health.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mintmark::store {

/// How long a call waits for another process's write before it is `store_busy`.
inline constexpr std::chrono::milliseconds busy_timeout{5000};

/// One prepared statement; ends before its Database. Parameters and columns count from 1 and from
/// 0, as SQLite has them.
class Statement {
 public:
  /// Binds the next parameter. What goes wrong is told by step().
  Statement& bind(std::string_view text);
  Statement& bind(BytesView octets);
  Statement& bind(std::int64_t number);
  /// True: a row stands ready. False: done.
  [[nodiscard]] Result<bool> step();
  /// For statements that give no row.
  [[nodiscard]] Result<void> run();
  /// From its beginning again, with other parameters; costs no parsing.
  Statement& again();
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::string octets(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
  int bind_result_ = 0;
};

/// One connection. Not thread-safe. Errors of every call: `store_full`, `store_read_only`,
/// `store_busy`, `store_failed` (native: SQLite's extended result code). What hinders it is told to
/// the file's Health.
class Database {
 public:
  /// Opens the file; makes it with `mode` if it is not there, owned by its directory's owner when
  /// root makes it, so that it does not matter which process comes first.
  [[nodiscard]] static Result<Database> open(const std::string& path, unsigned mode);
  /// WAL, synchronous=FULL, foreign_keys, trusted_schema off.
  [[nodiscard]] Result<void> make_durable();
  /// Of a file that nobody else writes, for a thread that must not stand still.
  void wait_for_others(std::chrono::milliseconds longest);

  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  /// Runs statements without parameters, separated by semicolons.
  [[nodiscard]] Result<void> execute(const std::string& sql);
  /// The integer that a PRAGMA or SELECT gives.
  [[nodiscard]] Result<std::int64_t> integer(std::string_view sql);
  /// Rows that the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] int changes() const;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] tl::unexpected<Error> error(std::string_view doing) const;
  [[nodiscard]] Health& health() const { return *health_; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  Database(sqlite3* connection, std::string path)
      : connection_(connection), path_(std::move(path)), health_(Health::of(path_)) {}
  [[nodiscard]] Result<void> use_wal();

  std::unique_ptr<sqlite3, Close> connection_;
  std::string path_;
  std::shared_ptr<Health> health_;
};

/// BEGIN IMMEDIATE: it holds the write lock from its beginning, so that nothing it read can change
/// before it commits. Rolls back unless committed.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin(Database& database);
  [[nodiscard]] Result<void> commit();

  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace mintmark::store
