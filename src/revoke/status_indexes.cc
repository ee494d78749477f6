#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "revoke/permutation.h"
#include "revoke/status_lists.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace mintmark::revoke {
namespace {

using store::Database;
using store::Transaction;

constexpr std::chrono::seconds before_next_try{1};

constexpr std::array migrations = {store::Migration{1, R"(
  CREATE TABLE status_list (
    list INTEGER PRIMARY KEY NOT NULL,
    bits INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    leased INTEGER NOT NULL CHECK (leased <= entries),
    secret BLOB NOT NULL CHECK (length(secret) = 32)
  ) STRICT;
  CREATE TABLE start (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    count INTEGER NOT NULL
  ) STRICT;
  INSERT INTO start VALUES (1, 0);
)"}};

const store::Schema& schema() {
  static const store::Schema schema{"status lists", 0x4D4D736C, migrations};  // "MMsl"
  return schema;
}

/// A list as the database leads it.
struct ListRow {
  std::uint32_t list = 0;
  unsigned bits = 1;
  std::uint32_t entries = 0;
  std::uint32_t leased = 0;
  Sha256 secret{};
};

/// Indexes that may be given out: leased on disk.
struct Block {
  ListRow list;
  std::vector<std::uint32_t> indexes;  ///< Given from the back.
};

/// What is on disk. One thread.
class Leases {
 public:
  Leases(Database database, const StatusIndexOptions& options)
      : database_(std::move(database)), options_(options) {}

  /// Counts this start, and gives the lists that are known, the last one last.
  Result<std::vector<ListRow>> begin() {
    if (auto done = database_.execute("UPDATE start SET count = count + 1"); !done)
      return pass_on(done);
    auto count = database_.integer("SELECT count FROM start");
    if (!count) return pass_on(count);
    start_ = static_cast<std::uint64_t>(*count);
    auto rows = database_.prepare(
        "SELECT list, bits, entries, leased, secret FROM status_list ORDER BY list");
    if (!rows) return pass_on(rows);
    std::vector<ListRow> lists;
    for (;;) {
      auto row = rows->step();
      if (!row) return pass_on(row);
      if (!*row) break;
      lists.push_back(read_row(*rows));
    }
    if (!lists.empty()) last_ = lists.back();
    return lists;
  }
  [[nodiscard]] std::uint64_t start() const { return start_; }

  /// The next block, of the last list or of a new one; on disk when it returns. `over`: lists that
  /// nobody wants any more.
  Result<Block> lease(const std::vector<std::uint32_t>& over) {
    ListRow next = last_;
    const bool same_kind = next.bits == options_.bits && next.entries == options_.entries;
    const bool begins = next.leased >= next.entries || !same_kind;
    if (begins) next = new_list();
    const std::uint32_t first = next.leased;
    next.leased += std::min(options_.block, next.entries - next.leased);
    if (auto written = write(next, over); !written) return pass_on(written);
    if (begins || !permutation_) permutation_.emplace(next.secret, next.entries);
    last_ = next;
    Block block{next, {}};
    for (std::uint32_t number = next.leased; number > first; --number)
      block.indexes.push_back((*permutation_)(number - 1));
    return block;
  }

 private:
  static ListRow read_row(const store::Statement& row) {
    ListRow list{static_cast<std::uint32_t>(row.integer(0)),
                 static_cast<unsigned>(row.integer(1)),
                 static_cast<std::uint32_t>(row.integer(2)),
                 static_cast<std::uint32_t>(row.integer(3)),
                 {}};
    const std::string secret = row.octets(4);
    std::copy_n(secret.begin(), std::min(secret.size(), list.secret.size()), list.secret.begin());
    return list;
  }

  [[nodiscard]] ListRow new_list() const {
    ListRow list{last_.list + 1, options_.bits, options_.entries, 0, {}};
    const Bytes secret = random_bytes(list.secret.size());
    std::copy(secret.begin(), secret.end(), list.secret.begin());
    return list;
  }

  Result<void> write(const ListRow& list, const std::vector<std::uint32_t>& over) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) return pass_on(transaction);
    for (const std::uint32_t one : over) {
      auto statement = database_.prepare("DELETE FROM status_list WHERE list = ? AND list < ?");
      if (!statement) return pass_on(statement);
      auto done = statement->bind(std::int64_t{one}).bind(std::int64_t{list.list}).run();
      if (!done) return done;
    }
    {
      auto statement = database_.prepare(
          "INSERT INTO status_list VALUES (?, ?, ?, ?, ?) "
          "ON CONFLICT (list) DO UPDATE SET leased = excluded.leased");
      if (!statement) return pass_on(statement);
      auto done = statement->bind(std::int64_t{list.list})
                      .bind(std::int64_t{list.bits})
                      .bind(std::int64_t{list.entries})
                      .bind(std::int64_t{list.leased})
                      .bind(BytesView(list.secret))
                      .run();
      if (!done) return done;
    }
    return transaction->commit();
  }

  Database database_;
  StatusIndexOptions options_;
  std::uint64_t start_ = 0;
  ListRow last_;
  std::optional<Permutation> permutation_;  // Of the last list.
};

class SqliteStatusIndexes final : public StatusIndexes {
 public:
  SqliteStatusIndexes(Leases leases, const std::vector<ListRow>& known, Block first,
                      std::uint32_t block)
      : leases_(std::move(leases)), ahead_(block / 2), version_(leases_.start() << 32U) {
    const MutexLock lock(mutex_);
    for (const ListRow& row : known) (void)list_of(row.list, row.bits, row.entries);
    take(std::move(first));
    leasing_ = std::thread([this] { lease_ahead(); });
  }

  ~SqliteStatusIndexes() override {
    {
      const MutexLock lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    leasing_.join();
  }

  Result<StatusIndex> next(Moment until) override {
    const MutexLock lock(mutex_);
    while (!blocks_.empty() && blocks_.front().indexes.empty()) blocks_.pop_front();
    if (left_ <= ahead_) changed_.notify_all();
    if (blocks_.empty()) {
      return fail(Code::status_index_unavailable,
                  "no index of a status list is leased just now" + trouble_ + "; come again");
    }
    Block& block = blocks_.front();
    const StatusIndex given{block.list.list, block.indexes.back()};
    block.indexes.pop_back();
    --left_;
    List& list = lists_.at(given.list);
    list.wanted_until = std::max(list.wanted_until, until);
    return given;
  }

  void set(const std::vector<StatusIndex>& entries, Status status) override {
    const MutexLock lock(mutex_);
    for (const StatusIndex& entry : entries) {
      const auto found = lists_.find(entry.list);
      if (found != lists_.end() && found->second.set(entry.index, status))
        found->second.version = ++version_;
    }
  }

  std::vector<std::uint32_t> lists() const override {
    const MutexLock lock(mutex_);
    std::vector<std::uint32_t> numbers;
    for (const auto& [number, list] : lists_) numbers.push_back(number);
    return numbers;
  }

  Result<ListContent> content(std::uint32_t number) const override {
    const MutexLock lock(mutex_);
    const auto found = lists_.find(number);
    if (found == lists_.end())
      return fail(Code::status_list_unknown, "there is no status list " + std::to_string(number));
    const List& list = found->second;
    return ListContent{number, list.bits, list.octets, list.version};
  }

  std::uint64_t version(std::uint32_t number) const override {
    const MutexLock lock(mutex_);
    const auto found = lists_.find(number);
    return found == lists_.end() ? 0 : found->second.version;
  }

  void restore(const StatusIndex& entry, Moment until) override {
    const MutexLock lock(mutex_);
    List& list = list_of(entry.list, newest_.bits, std::max(newest_.entries, entry.index + 1));
    list.wanted_until = std::max(list.wanted_until, until);
  }

  void forget(Moment now) override {
    const MutexLock lock(mutex_);
    for (auto at = lists_.begin(); at != lists_.end();) {
      const bool given_from = std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& block) {
        return block.list.list == at->first;
      });
      const bool wanted = given_from || at->first >= newest_.list || at->second.wanted_until >= now;
      if (!wanted) over_.push_back(at->first);
      at = wanted ? std::next(at) : lists_.erase(at);
    }
  }

 private:
  struct List {
    unsigned bits = 1;
    std::vector<std::uint8_t> octets;
    std::uint64_t version = 0;
    Moment wanted_until{};

    // §4.1: the first entry stands in the lowest bits.
    bool set(std::uint32_t index, Status status) {
      const std::size_t at = std::size_t{index} * bits / 8;
      if (at >= octets.size()) return false;
      const unsigned shift = index * bits % 8;
      const unsigned mask = ((1U << bits) - 1) << shift;
      // One bit says no more than that it is not valid.
      const unsigned value =
          bits == 1 ? unsigned{status != Status::valid} : static_cast<unsigned>(status);
      const auto next = static_cast<std::uint8_t>((octets[at] & ~mask) | (value << shift & mask));
      if (octets[at] == next) return false;
      octets[at] = next;
      return true;
    }
  };

  List& list_of(std::uint32_t number, unsigned bits, std::uint32_t entries)
      MINTMARK_REQUIRES(mutex_) {
    const auto [found, is_new] = lists_.try_emplace(number);
    if (is_new) {
      found->second.bits = bits;
      found->second.octets.resize((std::size_t{entries} * bits + 7) / 8);
      // Never what it was before: a list that was let go may be wanted again.
      found->second.version = ++version_;
    }
    return found->second;
  }

  void take(Block block) MINTMARK_REQUIRES(mutex_) {
    (void)list_of(block.list.list, block.list.bits, block.list.entries);
    newest_ = block.list;
    left_ += block.indexes.size();
    blocks_.push_back(std::move(block));
  }

  void lease_ahead() {
    MutexLock lock(mutex_);
    for (;;) {
      while (!ending_ && left_ > ahead_) changed_.wait(mutex_);
      if (ending_) return;
      const std::vector<std::uint32_t> over = over_;
      lock.unlock();
      auto block = leases_.lease(over);
      lock.lock();
      if (block) {
        over_.erase(over_.begin(), over_.begin() + static_cast<std::ptrdiff_t>(over.size()));
        trouble_.clear();
        take(std::move(*block));
        continue;
      }
      trouble_ = ": " + block.error().detail;
      const auto due = std::chrono::steady_clock::now() + before_next_try;
      while (!ending_ && changed_.wait_until(mutex_, due)) continue;
    }
  }

  Leases leases_;  // Of the leasing thread, but for start().
  const std::size_t ahead_;
  mutable Mutex mutex_;
  std::uint64_t version_ MINTMARK_GUARDED_BY(mutex_);  ///< The last that any list got.
  Condition changed_;
  std::map<std::uint32_t, List> lists_ MINTMARK_GUARDED_BY(mutex_);
  std::deque<Block> blocks_ MINTMARK_GUARDED_BY(mutex_);
  std::size_t left_ MINTMARK_GUARDED_BY(mutex_) = 0;  ///< Indexes in all blocks.
  ListRow newest_ MINTMARK_GUARDED_BY(mutex_);
  std::vector<std::uint32_t> over_ MINTMARK_GUARDED_BY(mutex_);
  std::string trouble_ MINTMARK_GUARDED_BY(mutex_);
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread leasing_;
};

}  // namespace

Result<std::unique_ptr<StatusIndexes>> open_status_indexes(const std::string& path,
                                                           const StatusIndexOptions& options,
                                                           unsigned mode) {
  auto database = store::open_database(path, mode, schema());
  if (!database) return pass_on(database);
  Leases leases(std::move(*database), options);
  auto known = leases.begin();
  if (!known) return pass_on(known);
  auto first = leases.lease({});
  if (!first) return pass_on(first);
  return std::make_unique<SqliteStatusIndexes>(std::move(leases), *known, std::move(*first),
                                               options.block);
}

}  // namespace mintmark::revoke
