#include "store/schema.h"

#include <gtest/gtest.h>

#include <array>

#include "base/file.h"
#include "records.h"
#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

// A schema with a past, which ours does not have yet.
constexpr std::array history = {
    Migration{1, "CREATE TABLE thing (name TEXT NOT NULL) STRICT;"},
    Migration{2, "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';"},
    Migration{3,
              "CREATE TABLE place (name TEXT NOT NULL) STRICT; INSERT INTO place VALUES ('here');"},
};

Schema at_version(std::size_t version) {
  return {"things", 0x7468696E, std::span<const Migration>(history).first(version)};
}

class Migrations : public testing::Test {
 protected:
  Database database() { return Database::open(path_, 0600).value(); }
  std::int64_t number(const std::string& sql) {
    auto one = database();
    return one.integer(sql).value();
  }
  void make(std::size_t version) { ASSERT_TRUE(open_database(path_, 0600, at_version(version))); }
  Code refusal(const Schema& schema) {
    const auto opened = open_database(path_, 0600, schema);
    return opened ? Code::internal : opened.error().code;
  }

  const mintmark::test::Scratch scratch_;
  const std::string path_ = scratch_ / "things.db";
};

TEST_F(Migrations, BringANewFileToTheNewestVersion) {
  make(3);
  EXPECT_EQ(number("PRAGMA user_version"), 3);
  EXPECT_EQ(number("PRAGMA application_id"), 0x7468696E);
  EXPECT_EQ(number("SELECT count(*) FROM place"), 1);
}

TEST_F(Migrations, BringEachOlderVersionToTheNewestAndKeepWhatItHeld) {
  for (std::size_t older = 1; older < history.size(); ++older) {
    std::filesystem::remove(path_);
    make(older);
    ASSERT_TRUE(database().execute("INSERT INTO thing (name) VALUES ('kept')"));
    make(3);
    EXPECT_EQ(number("PRAGMA user_version"), 3);
    EXPECT_EQ(number("SELECT count(*) FROM thing WHERE name = 'kept' AND colour = 'grey'"), 1);
    EXPECT_EQ(number("SELECT count(*) FROM place"), 1);
  }
}

TEST_F(Migrations, AreNotAppliedTwice) {
  make(3);
  make(3);
  EXPECT_EQ(number("SELECT count(*) FROM place"), 1);
}

TEST_F(Migrations, ThatFailLeaveTheFileAsItWas) {
  make(1);
  constexpr std::array broken = {
      history[0],
      Migration{2, "CREATE TABLE half (a TEXT) STRICT; INSERT INTO nowhere VALUES (1);"},
  };
  EXPECT_EQ(refusal({"things", 0x7468696E, broken}), Code::store_failed);
  EXPECT_EQ(number("PRAGMA user_version"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE name = 'half'"), 0);
}

TEST_F(Migrations, OfANewerFileAreRefusedAndTheFileIsLeft) {
  make(3);
  const std::string before = read_file(path_).value();
  const auto opened = open_database(path_, 0600, at_version(2));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::store_version);
  EXPECT_NE(opened.error().detail.find("version 3, this program knows 2"), std::string::npos);
  EXPECT_EQ(read_file(path_).value(), before);
}

TEST_F(Migrations, OfAFileOfAnotherKindAreRefused) {
  make(3);
  Schema other = at_version(3);
  other.application_id = 1;
  EXPECT_EQ(refusal(other), Code::store_foreign);
}

TEST_F(Migrations, OfADatabaseOfSomebodyElseAreRefusedAndTheFileIsLeft) {
  ASSERT_TRUE(database().execute("CREATE TABLE theirs (a)"));
  const std::string before = read_file(path_).value();
  EXPECT_EQ(refusal(at_version(3)), Code::store_foreign);
  EXPECT_EQ(read_file(path_).value(), before);
}

TEST_F(Migrations, OfAFileThatIsNoDatabaseAreRefused) {
  ASSERT_TRUE(write_file_atomically(path_, std::string(4096, 'x')));
  EXPECT_EQ(refusal(at_version(3)), Code::store_failed);
}

TEST_F(Migrations, ByManyProcessesAtOnceHappenOnce) {
  for (int round = 0; round < 5; ++round) {
    const std::string path = path_ + std::to_string(round);
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
      children.push_back(test::in_child([&] {
        const auto opened = open_database(path, 0600, at_version(3));
        if (!opened) fprintf(stderr, "%s\n", opened.error().to_string().c_str());
        return opened ? 0 : 1;
      }));
    }
    for (const pid_t child : children) EXPECT_EQ(test::end_of(child), 0);
    EXPECT_EQ(Database::open(path, 0600)->integer("SELECT count(*) FROM place").value(), 1);
  }
}

TEST(ReleasedSchemas, CountTheirVersionsFromOneWithoutGaps) {
  for (const Schema* schema : {&device_schema(), &key_state_schema()}) {
    std::int64_t expected = 1;
    for (const auto& migration : schema->migrations) EXPECT_EQ(migration.version, expected++);
  }
  EXPECT_NE(device_schema().application_id, key_state_schema().application_id);
}

TEST(ReleasedSchemas, OpenFilesOfEachOlderVersion) {
  const Schema& newest = device_schema();
  for (std::size_t count = 1; count <= newest.migrations.size(); ++count) {
    const mintmark::test::Scratch scratch;
    const Schema older{newest.name, newest.application_id, newest.migrations.first(count)};
    ASSERT_TRUE(open_database(scratch / "devices.db", 0600, older));
    const auto store = open_device_store(scratch / "devices.db");
    ASSERT_TRUE(store);
    EXPECT_TRUE(test::admit(**store, test::device("d", "ek"), "t", test::ticket_end));
  }
}

TEST(ReleasedSchemas, RefuseDevicesOfANewerProgram) {
  const mintmark::test::Scratch scratch;
  ASSERT_TRUE(open_device_store(scratch / "devices.db"));
  ASSERT_TRUE(Database::open(scratch / "devices.db", 0600)->execute("PRAGMA user_version = 1000"));
  EXPECT_EQ(open_device_store(scratch / "devices.db").error().code, Code::store_version);
}

TEST(ReleasedSchemas, RefuseKeysOfANewerProgram) {
  const mintmark::test::Scratch scratch;
  ASSERT_TRUE(open_key_state_store(scratch / "keys.db"));
  ASSERT_TRUE(Database::open(scratch / "keys.db", 0600)->execute("PRAGMA user_version = 1000"));
  EXPECT_EQ(open_key_state_store(scratch / "keys.db").error().code, Code::store_version);
}

}  // namespace
}  // namespace mintmark::store
