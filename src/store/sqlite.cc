#include "store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/time.h"

namespace mintmark::store {
namespace {

/// What the operating system said, where SQLite only says that reading or writing failed.
std::optional<Hindrance> hindrance_of_system(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return Hindrance::full;
    case EROFS:
    case EPERM:
    case EACCES:
      return Hindrance::read_only;
    case EMFILE:
    case ENFILE:
      return Hindrance::descriptors;
    default:
      return std::nullopt;
  }
}

/// Where the number is another call's by now, as after a rollback: what the files would say.
Hindrance hindrance_of_files(const std::string& path) {
  for (const char* suffix : {"", "-wal"}) {
    if (access((path + suffix).c_str(), W_OK) == 0) continue;
    if (const auto hindrance = hindrance_of_system(errno)) return *hindrance;
  }
  return Hindrance::io;
}

/// Nothing for what is wrong with a statement: the file is not to blame.
std::optional<Hindrance> hindrance_of(const std::string& path, int result, int number) {
  switch (result & 0xFF) {
    case SQLITE_FULL:
      return Hindrance::full;
    case SQLITE_READONLY:
      return Hindrance::read_only;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Hindrance::busy;
    case SQLITE_NOMEM:
      return Hindrance::memory;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (const auto said = hindrance_of_system(number)) return said;
      return hindrance_of_files(path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Hindrance::damaged;
    default:
      return std::nullopt;
  }
}

tl::unexpected<Error> failure(sqlite3* connection, const std::string& path, std::string_view doing,
                              Health* health) {
  const int result = sqlite3_extended_errcode(connection);
  const auto hindrance = hindrance_of(path, result, sqlite3_system_errno(connection));
  const Error error{hindrance ? code_of(*hindrance) : Code::store_failed,
                    path + ": cannot " + std::string(doing) + ": " + sqlite3_errmsg(connection) +
                        (hindrance ? " (" + std::string(name_of(*hindrance)) + ")" : ""),
                    static_cast<std::uint64_t>(result)};
  if (hindrance && health != nullptr) health->failed(*hindrance, error);
  return tl::unexpected<Error>(error);
}

/// Rows, and on disk by now: no transaction's commit is to come.
bool has_written_alone(sqlite3_stmt* statement) {
  sqlite3* connection = sqlite3_db_handle(statement);
  return sqlite3_stmt_readonly(statement) == 0 && sqlite3_get_autocommit(connection) != 0 &&
         sqlite3_changes(connection) > 0;
}

tl::unexpected<Error> cannot_make(const std::string& path) {
  return fail(Code::store_failed, path + ": cannot make the file: " + errno_text(errno));
}

Result<void> give_owner_and_mode(int fd, const std::string& path, unsigned mode) {
  if (fchmod(fd, mode) != 0) return cannot_make(path);
  if (geteuid() != 0) return {};
  struct stat directory {};
  const auto parent = std::filesystem::path(path).parent_path();
  if (stat(parent.c_str(), &directory) != 0) return cannot_make(path);
  if (fchown(fd, directory.st_uid, directory.st_gid) != 0) return cannot_make(path);
  return {};
}

// The file appears under its name with its owner and mode, or not at all: what is cut short here
// must not lock out the other process. Its descriptor is closed before that, since closing one of a
// database that is in use would drop the locks of every connection this process has to it
// (sqlite.org/howtocorrupt.html, 2.2).
Result<void> make_file(const std::string& path, unsigned mode) {
  struct stat present {};
  if (lstat(path.c_str(), &present) == 0) return {};
  const std::string beside = path + ".new." + std::to_string(gettid());
  (void)unlink(beside.c_str());
  {
    const UniqueFd fd(open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) return cannot_make(path);
    if (auto given = give_owner_and_mode(fd.get(), path, mode); !given) return given;
  }
  const bool linked = link(beside.c_str(), path.c_str()) == 0 || errno == EEXIST;
  const int reason = errno;
  (void)unlink(beside.c_str());
  errno = reason;
  return linked ? Result<void>{} : cannot_make(path);
}

// SQLITE_OPEN_NOFOLLOW refuses links anywhere in the path; only the last part is another user's to
// choose.
Result<std::string> with_real_directory(const std::string& path) {
  const auto absolute = std::filesystem::path(path);
  std::error_code error;
  const auto parent =
      std::filesystem::canonical(absolute.has_parent_path() ? absolute.parent_path() : ".", error);
  if (error)
    return fail(Code::store_failed, path + ": cannot find its directory: " + error.message());
  return (parent / absolute.filename()).string();
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(std::string_view text) {
  const int result =
      sqlite3_bind_text64(statement_.get(), ++bound_, text.data() == nullptr ? "" : text.data(),
                          text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
  return *this;
}

Statement& Statement::bind(BytesView octets) {
  const void* data = octets.empty() ? static_cast<const void*>("") : octets.data();
  const int result =
      sqlite3_bind_blob64(statement_.get(), ++bound_, data, octets.size(), SQLITE_TRANSIENT);
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  const int result = sqlite3_bind_int64(statement_.get(), ++bound_, number);
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
  return *this;
}

Result<bool> Statement::step() {
  sqlite3* connection = sqlite3_db_handle(statement_.get());
  const auto failed = [connection](std::string_view doing) {
    const std::string path = sqlite3_db_filename(connection, "main");
    return failure(connection, path, doing, Health::find(path).get());
  };
  if (bind_result_ != SQLITE_OK) return failed("bind a value");
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) return failed("run a statement");
  if (has_written_alone(statement_.get())) {
    if (const auto health = Health::find(sqlite3_db_filename(connection, "main")))
      health->written();
  }
  return false;
}

Result<void> Statement::run() {
  auto stepped = step();
  if (!stepped) return pass_on(stepped);
  return {};
}

Statement& Statement::again() {
  sqlite3_reset(statement_.get());
  bound_ = 0;
  bind_result_ = SQLITE_OK;
  return *this;
}

std::string Statement::text(int column) const {
  const auto* octets = sqlite3_column_text(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return octets == nullptr ? std::string()
                           : std::string(reinterpret_cast<const char*>(octets), size);
}

std::string Statement::octets(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void Database::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

Result<Database> Database::open(const std::string& named, unsigned mode) {
  auto real = with_real_directory(named);
  if (!real) return pass_on(real);
  const std::string& path = *real;
  if (auto made = make_file(path, mode); !made) return pass_on(made);
  sqlite3* connection = nullptr;
  // NOMUTEX: each connection of ours stands under a mutex of its own.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
  const int result = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  Database database(connection, path);
  if (result != SQLITE_OK) return database.error("open");
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, static_cast<int>(busy_timeout.count()));
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return database;
}

Result<void> Database::use_wal() {
  auto statement = prepare("PRAGMA journal_mode = WAL");
  if (!statement) return pass_on(statement);
  auto row = statement->step();
  if (!row) return pass_on(row);
  if (*row && statement->text(0) == "wal") return {};
  return fail(Code::store_failed,
              path_ +
                  ": cannot keep a write-ahead log here; the state directory must be on a "
                  "local file system");
}

Result<void> Database::make_durable() {
  // The change to WAL does not wait for another process that makes the same change.
  const Deadline deadline = Deadline::in(busy_timeout);
  auto wal = use_wal();
  while (!wal && wal.error().code == Code::store_busy && !deadline.passed()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    wal = use_wal();
  }
  if (!wal) return wal;
  return execute(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; "
      "PRAGMA cell_size_check = ON;");
}

void Database::wait_for_others(std::chrono::milliseconds longest) {
  sqlite3_busy_timeout(connection_.get(), static_cast<int>(longest.count()));
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                        &statement, nullptr);
  if (result != SQLITE_OK) return error("prepare a statement");
  return Statement(statement);
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK)
    return {};
  return error("run a statement");
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return pass_on(statement);
  auto row = statement->step();
  if (!row) return pass_on(row);
  if (!*row) return fail(Code::store_failed, path_ + ": a statement gave no row");
  return statement->integer(0);
}

int Database::changes() const { return sqlite3_changes(connection_.get()); }

tl::unexpected<Error> Database::error(std::string_view doing) const {
  return failure(connection_.get(), path_, doing, health_.get());
}

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return pass_on(begun);
  return Transaction(database);
}

Result<void> Transaction::commit() {
  auto committed = database_->execute("COMMIT");
  if (!committed) return committed;
  database_->health().written();
  database_ = nullptr;
  return committed;
}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // After some errors SQLite has rolled back by itself, and then this fails without harm.
  (void)database_->execute("ROLLBACK");
}

}  // namespace mintmark::store
