#include "store/sqlite.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <limits>

#include "records.h"
#include "store/schema.h"
#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

unsigned mode_of(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777U : 0U;
}

class DatabaseFile : public testing::Test {
 protected:
  const mintmark::test::Scratch scratch_;
  const std::string path_ = scratch_ / "devices.db";
};

TEST_F(DatabaseFile, IsPrivateUnlessSaidOtherwise) {
  const auto store = open_device_store(path_);
  EXPECT_EQ(mode_of(path_), 0600U);
  EXPECT_EQ(mode_of(path_ + "-wal"), 0600U);
  EXPECT_EQ(mode_of(path_ + "-shm"), 0600U);
}

TEST_F(DatabaseFile, HasTheModeWhateverTheUmask) {
  const mode_t before = umask(0077);
  const auto store = open_device_store(path_, 0660);
  umask(before);
  EXPECT_EQ(mode_of(path_), 0660U);
  EXPECT_EQ(mode_of(path_ + "-wal"), 0660U);
  EXPECT_EQ(mode_of(path_ + "-shm"), 0660U);
}

TEST_F(DatabaseFile, LeavesNothingBesideAfterItsMaking) {
  ASSERT_TRUE(open_device_store(path_));
  for (const auto& entry : std::filesystem::directory_iterator(scratch_.path())) {
    EXPECT_EQ(entry.path().string().find(".new."), std::string::npos) << entry.path();
  }
}

TEST_F(DatabaseFile, MadeByRootBelongsToTheOwnerOfItsDirectory) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  constexpr uid_t someone = 65533;
  ASSERT_EQ(chown(scratch_.path().c_str(), someone, someone), 0);
  const auto store = open_device_store(path_);
  ASSERT_TRUE(store);
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    struct stat facts {};
    ASSERT_EQ(stat((path_ + suffix).c_str(), &facts), 0) << suffix;
    EXPECT_EQ(facts.st_uid, someone) << suffix;
    EXPECT_EQ(facts.st_gid, someone) << suffix;
  }
}

TEST_F(DatabaseFile, ThatIsALinkIsRefused) {
  ASSERT_TRUE(open_device_store(scratch_ / "other.db"));
  std::filesystem::create_symlink(scratch_ / "other.db", path_);
  EXPECT_EQ(open_device_store(path_).error().code, Code::store_failed);
}

TEST_F(DatabaseFile, BelowALinkedDirectoryIsTaken) {
  std::filesystem::create_directory(scratch_ / "real");
  std::filesystem::create_directory_symlink(scratch_ / "real", scratch_ / "link");
  EXPECT_TRUE(open_device_store(scratch_ / "link/devices.db"));
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "real/devices.db"));
}

TEST_F(DatabaseFile, InAnAbsentDirectoryIsRefusedByName) {
  const auto opened = open_device_store("/nonexistent/devices.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::store_failed);
  EXPECT_NE(opened.error().detail.find("/nonexistent/devices.db"), std::string::npos);
}

TEST_F(DatabaseFile, ThatIsADirectoryIsRefused) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(open_device_store(path_).error().code, Code::store_failed);
}

TEST_F(DatabaseFile, IsDurableAndStrict) {
  auto database = open_database(path_, 0600, device_schema());
  ASSERT_TRUE(database);
  EXPECT_EQ(database->integer("PRAGMA synchronous").value(), 2);
  EXPECT_EQ(database->integer("PRAGMA foreign_keys").value(), 1);
  EXPECT_EQ(database->integer("PRAGMA trusted_schema").value(), 0);
  EXPECT_EQ(database->integer("PRAGMA busy_timeout").value(), busy_timeout.count());
  auto statement = database->prepare("PRAGMA journal_mode");
  ASSERT_TRUE(statement->step().value());
  EXPECT_EQ(statement->text(0), "wal");
}

TEST_F(DatabaseFile, InUseByAnotherForTooLongIsBusy) {
  auto first = open_database(path_, 0600, device_schema()).value();
  auto second = open_database(path_, 0600, device_schema()).value();
  ASSERT_TRUE(second.execute("PRAGMA busy_timeout = 1"));
  auto held = Transaction::begin(first);
  ASSERT_TRUE(held);
  const auto refused = Transaction::begin(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_busy);
  EXPECT_NE(refused.error().native, 0U);
}

TEST_F(DatabaseFile, MayBeReadWhileAnotherWrites) {
  auto writer = open_database(path_, 0600, device_schema()).value();
  auto reader = open_database(path_, 0600, device_schema()).value();
  const auto held = Transaction::begin(writer);
  ASSERT_TRUE(held);
  EXPECT_EQ(reader.integer("SELECT count(*) FROM device").value(), 0);
}

TEST_F(DatabaseFile, TakesBackATransactionThatWasNotCommitted) {
  auto database = open_database(path_, 0600, device_schema()).value();
  {
    const auto begun = Transaction::begin(database);
    ASSERT_TRUE(database.execute("INSERT INTO used_ticket VALUES ('t', 1)"));
  }
  EXPECT_EQ(database.integer("SELECT count(*) FROM used_ticket").value(), 0);
}

Health::Look health_of(const std::string& path) {
  const auto health = Health::find(path);
  return health ? health->look() : Health::Look{};
}

TEST_F(DatabaseFile, IsInTroubleFromACallThatWasHinderedUntilOneThatWrote) {
  auto writer = open_database(path_, 0600, device_schema()).value();
  auto second = open_database(path_, 0600, device_schema()).value();
  second.wait_for_others(std::chrono::milliseconds(1));
  EXPECT_TRUE(writer.health().check());
  auto held = Transaction::begin(writer);
  ASSERT_TRUE(held);
  ASSERT_FALSE(Transaction::begin(second));
  EXPECT_EQ(writer.health().check().error().code, Code::store_busy) << "it is one file";
  const auto look = health_of(path_);
  ASSERT_TRUE(look.trouble);
  EXPECT_EQ(look.trouble->hindrance, Hindrance::busy);
  EXPECT_EQ(look.failures.at(static_cast<std::size_t>(Hindrance::busy)), 1U);
  EXPECT_EQ(probe(path_).error().code, Code::store_busy);
  ASSERT_TRUE(held->commit());
  EXPECT_TRUE(writer.health().check());
}

TEST_F(DatabaseFile, ThatIsWellAgainIsFoundSoByAProbeThatChangesNothing) {
  auto database = open_database(path_, 0600, device_schema()).value();
  const auto version = database.integer("PRAGMA user_version").value();
  database.health().failed(Hindrance::full, {Code::store_full, "full", 0});
  ASSERT_TRUE(probe(path_));
  EXPECT_TRUE(database.health().check());
  EXPECT_EQ(database.integer("PRAGMA user_version").value(), version);
}

TEST_F(DatabaseFile, IsWellAgainAfterAWriteWithoutATransactionOfItsOwn) {
  auto database = open_database(path_, 0600, device_schema()).value();
  database.health().failed(Hindrance::busy, {Code::store_busy, "busy", 0});
  auto select = database.prepare("SELECT count(*) FROM used_ticket").value();
  while (select.step().value()) continue;
  EXPECT_FALSE(database.health().check()) << "that it can be read says nothing";
  auto nothing = database.prepare("DELETE FROM used_ticket").value();
  ASSERT_TRUE(nothing.run());
  EXPECT_FALSE(database.health().check()) << "nothing had to be written";
  auto insert = database.prepare("INSERT INTO used_ticket VALUES (?, ?)").value();
  ASSERT_TRUE(insert.bind("t").bind(1).run());
  EXPECT_TRUE(database.health().check());
}

TEST_F(DatabaseFile, IsInTroubleUntilTheTransactionIsCommitted) {
  auto database = open_database(path_, 0600, device_schema()).value();
  auto begun = Transaction::begin(database);
  database.health().failed(Hindrance::busy, {Code::store_busy, "busy", 0});
  auto insert = database.prepare("INSERT INTO used_ticket VALUES (?, ?)").value();
  ASSERT_TRUE(insert.bind("t").bind(1).run());
  EXPECT_FALSE(database.health().check()) << "it may still be taken back";
  ASSERT_TRUE(begun->commit());
  EXPECT_TRUE(database.health().check());
}

TEST_F(DatabaseFile, ThatIsDamagedStaysSoWhateverElseCanBeWrittenUntilItIsOpenedAnew) {
  {
    auto database = open_database(path_, 0600, device_schema()).value();
    database.health().failed(Hindrance::damaged, {Code::store_failed, "page 7", 0});
    EXPECT_FALSE(probe(path_, Hindrance::damaged));
    database.health().written();
    database.health().failed(Hindrance::busy, {Code::store_busy, "busy", 0});
    EXPECT_EQ(health_of(path_).trouble->hindrance, Hindrance::damaged);
    EXPECT_EQ(database.health().check().error().detail, "page 7");
    EXPECT_EQ(health_of(path_).failures.at(static_cast<std::size_t>(Hindrance::busy)), 1U);
  }
  EXPECT_TRUE(open_database(path_, 0600, device_schema()).value().health().check());
}

// The write-ahead log takes some more in the room that it has.
TEST_F(DatabaseFile, OfAFullDiskIsNotWellBeforeThereIsRoom) {
  auto database = open_database(path_, 0600, device_schema()).value();
  constexpr auto more_than_there_is = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(probe(path_, Hindrance::full, more_than_there_is).error().code, Code::store_full);
  EXPECT_TRUE(probe(path_, Hindrance::full));
  EXPECT_TRUE(probe(path_, Hindrance::busy, more_than_there_is)) << "which was not the trouble";
}

TEST_F(DatabaseFile, ThatIsGoneIsNotMadeAnewByAProbe) {
  auto database = open_database(path_, 0600, device_schema()).value();
  std::filesystem::remove(path_);
  EXPECT_FALSE(probe(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(DatabaseFile, ThatMayOnlyBeReadSaysSo) {
  auto database = open_database(path_, 0600, device_schema()).value();
  ASSERT_TRUE(database.execute("PRAGMA query_only = ON"));
  const auto refused = database.execute("INSERT INTO used_ticket VALUES ('t', 1)");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_read_only);
  EXPECT_EQ(health_of(path_).trouble->hindrance, Hindrance::read_only);
}

TEST_F(DatabaseFile, IsNotToBlameForAWrongStatement) {
  auto database = open_database(path_, 0600, device_schema()).value();
  ASSERT_FALSE(database.execute("SELEKT 1"));
  ASSERT_FALSE(database.execute("INSERT INTO used_ticket VALUES (NULL, NULL)"));
  EXPECT_TRUE(database.health().check());
}

TEST_F(DatabaseFile, ThatNobodyHasOpenIsInNobodysList) {
  { ASSERT_TRUE(open_database(path_, 0600, device_schema())); }
  EXPECT_EQ(Health::find(path_), nullptr);
  for (const auto& look : Health::of_all()) EXPECT_NE(look.path, path_);
}

TEST_F(DatabaseFile, TellsAWrongStatementWithSqlitesCode) {
  auto database = Database::open(path_, 0600).value();
  const auto statement = database.prepare("SELEKT 1");
  ASSERT_FALSE(statement);
  EXPECT_EQ(statement.error().code, Code::store_failed);
  EXPECT_EQ(statement.error().native, 1U);
}

TEST_F(DatabaseFile, TellsAParameterTooMany) {
  auto database = Database::open(path_, 0600).value();
  auto statement = database.prepare("SELECT ?").value();
  EXPECT_EQ(statement.bind("a").bind("b").step().error().code, Code::store_failed);
}

}  // namespace
}  // namespace mintmark::store
