// What was answered is there, and nothing by halves, at whatever moment the power failed: at each
// sync, with any part of what was not synced on the disk, reordered and torn within pages.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <future>
#include <random>

#include "audit/issuance_log.h"
#include "records.h"
#include "store/store.h"
#include "support/power_loss.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

using mintmark::test::Cut;
using mintmark::test::DiskModel;
using mintmark::test::Files;
using mintmark::test::PowerLoss;
using mintmark::test::Scratch;

/// In memory where the system has that: a disk's syncs would take minutes, and prove nothing more.
Scratch scratch_directory() {
  const bool has_memory = access("/dev/shm", W_OK) == 0;
  return Scratch(has_memory ? "/dev/shm" : std::filesystem::temp_directory_path());
}

/// Every row that the statement gives, as text.
std::string rows(sqlite3* connection, const std::string& sql) {
  std::string text;
  const auto add = [](void* to, int columns, char** values, char** /*names*/) {
    for (int i = 0; i < columns; ++i)
      static_cast<std::string*>(to)->append(values[i] == nullptr ? "NULL" : values[i]).append("|");
    static_cast<std::string*>(to)->append("\n");
    return 0;
  };
  if (sqlite3_exec(connection, sql.c_str(), add, &text, nullptr) != SQLITE_OK)
    text += std::string("error: ") + sqlite3_errmsg(connection);
  return text;
}

/// All that the database holds, and what SQLite finds wrong with it.
std::string content_of(const std::string& path) {
  sqlite3* connection = nullptr;
  sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr);
  std::string all = rows(connection, "PRAGMA integrity_check") +
                    rows(connection, "SELECT sql FROM sqlite_master ORDER BY name");
  const std::string tables =
      rows(connection, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
  for (std::size_t at = 0, end = 0; (end = tables.find('|', at)) != std::string::npos;
       at = end + 2) {
    const std::string table = tables.substr(at, end - at);
    all += table + ":\n" + rows(connection, "SELECT * FROM " + table + " ORDER BY 1");
  }
  sqlite3_close(connection);
  return all;
}

/// A life of a store: each step answers, and is done or not done after a loss of power.
template <typename Store>
struct Life {
  std::function<Result<std::unique_ptr<Store>>(const std::string&)> open;
  std::vector<std::function<bool(Store&)>> steps;
  std::size_t restart_every;  ///< So many steps: closed, as mintd closes it, and opened again.
};

/// What was there after the first so many steps, and where the power may have failed.
struct Lived {
  std::vector<std::string> contents;
  std::vector<Cut> cuts;
};

template <typename Store>
Lived live(const Life<Store>& life) {
  const Scratch scratch = scratch_directory();
  const std::string path = scratch / "store.db";
  PowerLoss power(scratch.path());
  auto store = life.open(path).value();
  Lived lived{{content_of(path)}, {}};
  for (const auto& step : life.steps) {
    EXPECT_TRUE(step(*store));
    power.answered();
    lived.contents.push_back(content_of(path));
    if (lived.contents.size() % life.restart_every != 0) continue;
    store.reset();
    store = life.open(path).value();
  }
  store.reset();
  lived.cuts = power.cuts();
  return lived;
}

/// Opens what the power left and holds it against what was answered.
template <typename Store>
class Aftermath {
 public:
  Aftermath(const Life<Store>& life, const Lived& lived) : life_(life), lived_(lived) {}

  void check(const Cut& cut, const DiskModel::Came& came) {
    const Scratch scratch = scratch_directory();
    for (const auto& [name, octets] : cut.disk.after(came)) write(scratch / name, octets);
    // The index of the log is left over too, and worth nothing.
    if (++checked_ % 2 == 0) write(scratch / "store.db-shm", std::string(32768, '\x5a'));
    const std::string path = scratch / "store.db";
    const auto store = life_.open(path);
    ASSERT_TRUE(store) << store.error().to_string();
    const std::string found = content_of(path);
    const bool done = found == lived_.contents.at(cut.answered);
    const bool next_done =
        cut.answered + 1 < lived_.contents.size() && found == lived_.contents[cut.answered + 1];
    EXPECT_TRUE(done || next_done) << "after " << cut.answered << " answers:\n"
                                   << found << "and not\n"
                                   << lived_.contents[cut.answered];
    if (next_done || cut.answered >= life_.steps.size()) return;
    EXPECT_TRUE(life_.steps[cut.answered](**store));
    EXPECT_EQ(content_of(path), lived_.contents[cut.answered + 1]) << "it does not go on";
  }

  /// Nothing, all, beginnings with a torn end, and some of everything.
  void check_all(const Cut& cut, std::mt19937& random) {
    check(cut, [](std::size_t, std::size_t) { return false; });
    const std::size_t changes = cut.disk.changes();
    if (changes == 0) return;
    check(cut, [](std::size_t, std::size_t) { return true; });
    const std::size_t step = (changes + most_beginnings - 1) / most_beginnings;
    for (std::size_t next = 0; next < changes; next += step) {
      const std::size_t last = std::min(next + random() % step, changes - 1);
      const std::size_t sectors = random() % (cut.disk.sectors(last) + 1);
      check(cut, [&](std::size_t change, std::size_t sector) {
        return change < last || (change == last && sector < sectors);
      });
    }
    for (unsigned i = 0; i < 18; ++i)
      check(cut, [&](std::size_t, std::size_t) { return random() % 10 < 1 + i % 9; });
  }

  [[nodiscard]] std::size_t checked() const { return checked_; }

 private:
  static void write(const std::string& path, const std::string& octets) {
    std::ofstream(path, std::ios::binary) << octets;
  }

  static constexpr std::size_t most_beginnings = 24;

  const Life<Store>& life_;
  const Lived& lived_;
  std::size_t checked_ = 0;
};

template <typename Store>
void survive(const Life<Store>& life, const Lived& lived, std::size_t least_checked) {
  Aftermath<Store> aftermath(life, lived);
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp)
  for (const Cut& cut : lived.cuts) {
    aftermath.check_all(cut, random);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GE(aftermath.checked(), least_checked);
}
template <typename Store>
void survive(const Life<Store>& life, std::size_t least_checked) {
  survive(life, live(life), least_checked);
}

// --- the journal of keys ---

using Keys = Life<KeyStateStore>;

KeyRecord key(const std::string& id, KeyState state, std::size_t jwk_octets) {
  KeyRecord record;
  record.id = id;
  record.store = "main";
  record.purpose = "access_token";
  record.algorithm = "RS256";
  record.become(state, from_unix(1'800'000'000));
  if (state == KeyState::planned) return record;
  record.kid = "kid-of-" + id;
  record.public_jwk = std::string(jwk_octets, 'n');
  return record;
}

auto put(std::vector<KeyRecord> records) {
  return [records = std::move(records)](KeyStateStore& store) {
    return store.put(records).has_value();
  };
}

/// Keys from their intent to their end, one after the other.
Keys lives_of_keys(int count, std::size_t jwk_octets) {
  Keys life{[](const std::string& path) { return open_key_state_store(path); }, {}, 7};
  for (int i = 0; i < count; ++i) {
    for (const KeyState state : {KeyState::planned, KeyState::published, KeyState::active,
                                 KeyState::retiring, KeyState::retired, KeyState::destroyed})
      life.steps.push_back(put({key("id-" + std::to_string(i), state, jwk_octets)}));
  }
  return life;
}

/// One key after the other, each of which takes the place of the one before in one step.
Keys rotations(int count) {
  Keys life{[](const std::string& path) { return open_key_state_store(path); }, {}, 7};
  const auto id = [](int i) { return "id-" + std::to_string(i); };
  for (int i = 0; i < count; ++i) {
    life.steps.push_back(put({key(id(i), KeyState::published, 1500)}));
    std::vector<KeyRecord> change;
    if (i > 0) change.push_back(key(id(i - 1), KeyState::retiring, 1500));
    change.push_back(key(id(i), KeyState::active, 1500));
    life.steps.push_back(put(std::move(change)));
  }
  return life;
}

TEST(PowerLossTest, LosesNoAnsweredStateOfAKey) { survive(lives_of_keys(5, 1500), 1000); }

TEST(PowerLossTest, LeavesNoHalfOfARotation) { survive(rotations(6), 500); }

TEST(PowerLossTest, LosesNoKeyWhoseRecordIsLongerThanAPage) {
  survive(lives_of_keys(2, 14'000), 500);
}

// SQLite moves the log into the database when it has 1000 pages, in the midst of a life.
TEST(PowerLossTest, LosesNothingWhileTheLogIsMovedIntoTheDatabase) {
  Keys life{[](const std::string& path) { return open_key_state_store(path); }, {}, 100};
  for (int i = 0; i < 10; ++i)
    life.steps.push_back(
        put({key("id", i % 2 == 0 ? KeyState::active : KeyState::retiring, 600'000)}));
  Lived lived = live(life);
  // From there on, also while the log is written over from its beginning.
  const auto moved = std::find_if(lived.cuts.begin(), lived.cuts.end(), [](const Cut& cut) {
    return cut.answered > 0 && cut.disk.is_unsafe("store.db");
  });
  ASSERT_NE(moved, lived.cuts.end());
  EXPECT_LT(moved->answered + 2, life.steps.size());
  lived.cuts.erase(lived.cuts.begin(), moved);
  survive(life, lived, 100);
}

// --- devices ---

using Devices = Life<DeviceStore>;

Devices lives_of_devices() {
  Devices life{[](const std::string& path) {
                 auto store = open_device_store(path);
                 if (store) (*store)->keep_news();
                 return store;
               },
               {},
               5};
  for (int i = 0; i < 4; ++i) {
    const std::string id = "device-" + std::to_string(i);
    const auto admit = [id](const std::string& ticket) {
      return [id, ticket](DeviceStore& store) {
        return test::admit(store, test::device(id, id), ticket, test::ticket_end).has_value();
      };
    };
    life.steps.push_back(admit("ticket-" + id));
    life.steps.push_back([id](DeviceStore& store) {
      return store.revoke(id, std::string(3000, 'w'), from_unix(1'800'000'001)).has_value();
    });
    life.steps.push_back([id](DeviceStore& store) { return store.reinstate(id).has_value(); });
    life.steps.push_back(admit("second-ticket-" + id));
    life.steps.push_back(
        [i](DeviceStore& store) { return store.forget_news(3 * i + 1).has_value(); });
  }
  return life;
}

// A device, its ticket and its news are of one transaction, so their tables are held against each
// other too.
TEST(PowerLossTest, LosesNoEnrolmentNoTicketAndNoRevocation) { survive(lives_of_devices(), 500); }

// --- tokens as they were issued, and indexes of status lists ---

audit::Issued issued(int number) {
  return {.jti = "jti-" + std::to_string(number),
          .device = "device",
          .audience = "https://api.example",
          .kid = "kid",
          .rule = std::string(700, 'r'),
          .issued_at = from_unix(1'800'000'000),
          .expires_at = from_unix(1'800'000'300),
          .list = 1,
          .index = static_cast<std::uint32_t>(number),
          .ends_with_evidence = false};
}

TEST(PowerLossTest, LosesNoTokenThatMayHaveLeft) {
  Life<audit::IssuanceLog> life{
      [](const std::string& path) { return audit::open_issuance_log(path); }, {}, 5};
  for (int i = 0; i < 12; ++i) {
    life.steps.push_back([i](audit::IssuanceLog& log) {
      std::promise<bool> written;
      log.append(issued(i), [&](const Result<void>& done) { written.set_value(done.has_value()); });
      return written.get_future().get();
    });
  }
  survive(life, 200);
}

// --- and what these tests would see ---

/// True if a row that was answered is there although nothing came through that was not synced.
bool keeps_a_row_with(const std::string& pragmas) {
  const Scratch scratch = scratch_directory();
  PowerLoss power(scratch.path());
  sqlite3* connection = nullptr;
  sqlite3_open((scratch / "store.db").c_str(), &connection);
  const auto content = [&] { return rows(connection, "SELECT * FROM t"); };
  (void)rows(connection, pragmas + "; CREATE TABLE t (a)");
  (void)rows(connection, "INSERT INTO t VALUES ('answered')");
  power.answered();
  EXPECT_EQ(content(), "answered|\n");
  sqlite3_close(connection);
  const auto& cuts = power.cuts();
  const auto answer =
      std::find_if(cuts.begin(), cuts.end(), [](const Cut& cut) { return cut.answered == 1; });
  const Scratch left = scratch_directory();
  for (const auto& [name, octets] :
       answer->disk.after([](std::size_t, std::size_t) { return false; }))
    std::ofstream(left / name, std::ios::binary) << octets;
  sqlite3_open((left / "store.db").c_str(), &connection);
  const bool kept = content() == "answered|\n";
  sqlite3_close(connection);
  return kept;
}

TEST(PowerLossTest, IsSeenWhereADatabaseAnswersBeforeItSyncs) {
  EXPECT_TRUE(keeps_a_row_with("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"));
  EXPECT_FALSE(keeps_a_row_with("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"));
  EXPECT_FALSE(keeps_a_row_with("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"));
}

// Without a log the end of a transaction is that its journal is gone: a name, and names are synced
// with "EXTRA" alone.
TEST(PowerLossTest, IsSeenWhereANameIsNotSynced) {
  EXPECT_TRUE(keeps_a_row_with("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA"));
  EXPECT_FALSE(keeps_a_row_with("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL"));
}

}  // namespace
}  // namespace mintmark::store
