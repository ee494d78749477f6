#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdio>

#include "records.h"
#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

KeyRecord key(const std::string& id) {
  KeyRecord record;
  record.id = id;
  record.store = "main";
  record.purpose = "access_token";
  record.algorithm = "ES256";
  record.become(KeyState::planned, from_unix(1'800'000'000));
  return record;
}

class KeyStates : public testing::Test {
 protected:
  void SetUp() override { store_ = open_key_state_store(path_).value(); }

  const mintmark::test::Scratch scratch_;
  const std::string path_ = scratch_ / "keys.db";
  std::unique_ptr<KeyStateStore> store_;
};

TEST_F(KeyStates, AreNoneAtFirst) { EXPECT_TRUE(store_->list().value().empty()); }

TEST_F(KeyStates, AreGivenBackAsPutAndOutliveTheStore) {
  KeyRecord record = key("aa");
  record.kid = "kid";
  record.public_jwk = "{}";
  record.become(KeyState::published, from_unix(1'800'000'009));
  record.longest_life = std::chrono::seconds(300);
  record.rotation_asked_at = from_unix(1'800'000'011);
  record.revoked_why = "lost";
  ASSERT_TRUE(store_->put(record));
  store_.reset();
  SetUp();
  const auto all = store_->list().value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, "aa");
  EXPECT_EQ(all[0].store, "main");
  EXPECT_EQ(all[0].purpose, "access_token");
  EXPECT_EQ(all[0].algorithm, "ES256");
  EXPECT_EQ(all[0].kid, "kid");
  EXPECT_EQ(all[0].public_jwk, "{}");
  EXPECT_EQ(all[0].state, KeyState::published);
  EXPECT_EQ(all[0].since, record.since);
  EXPECT_EQ(all[0].longest_life, record.longest_life);
  EXPECT_EQ(all[0].rotation_asked_at, record.rotation_asked_at);
  EXPECT_EQ(all[0].revoked_why, "lost");
}

TEST_F(KeyStates, AreReplacedById) {
  ASSERT_TRUE(store_->put(key("aa")));
  KeyRecord active = key("aa");
  active.state = KeyState::active;
  ASSERT_TRUE(store_->put(active));
  ASSERT_TRUE(store_->put(key("bb")));
  const auto all = store_->list().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].state, KeyState::active);
  EXPECT_EQ(all[1].state, KeyState::planned);
}

TEST_F(KeyStates, OfOneKindAreNeverTwoActive) {
  KeyRecord first = key("aa");
  first.state = KeyState::active;
  ASSERT_TRUE(store_->put(first));
  KeyRecord second = key("bb");
  second.state = KeyState::active;
  const auto refused = store_->put(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_failed);
  second.algorithm = "RS256";
  EXPECT_TRUE(store_->put(second)) << "another kind";
  KeyRecord elsewhere = key("cc");
  elsewhere.state = KeyState::active;
  elsewhere.store = "second";
  EXPECT_TRUE(store_->put(elsewhere)) << "another store";
}

TEST_F(KeyStates, ChangeTogetherOrNotAtAll) {
  KeyRecord first = key("aa");
  first.state = KeyState::active;
  ASSERT_TRUE(store_->put(first));
  KeyRecord next = key("bb");
  next.state = KeyState::active;
  // In the wrong order there would be two for a moment.
  KeyRecord last = first;
  last.state = KeyState::retiring;
  ASSERT_FALSE(store_->put(std::vector<KeyRecord>{key("cc"), next, last}));
  EXPECT_EQ(store_->list().value().size(), 1U) << "nothing of it is there";
  ASSERT_TRUE(store_->put(std::vector<KeyRecord>{last, next}));
  EXPECT_EQ(store_->list().value()[0].state, KeyState::retiring);
}

TEST_F(KeyStates, KeepTheClocksMark) {
  EXPECT_EQ(store_->clock_mark().value(), Moment{});
  ASSERT_TRUE(store_->set_clock_mark(from_unix(1'800'000'000)));
  ASSERT_TRUE(store_->set_clock_mark(from_unix(1'700'000'000)));
  store_.reset();
  SetUp();
  EXPECT_EQ(store_->clock_mark().value(), from_unix(1'700'000'000));
}

TEST_F(KeyStates, OfAProgramBeforeRotationAreTakenOver) {
  store_.reset();
  ASSERT_EQ(std::remove(path_.c_str()), 0);
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, R"(
      CREATE TABLE signing_key (id TEXT PRIMARY KEY NOT NULL, store TEXT NOT NULL, purpose TEXT NOT NULL,
        algorithm TEXT NOT NULL, kid TEXT NOT NULL, public_jwk TEXT NOT NULL, state TEXT NOT NULL,
        created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL) STRICT;
      INSERT INTO signing_key VALUES ('aa', 'main', 'access_token', 'ES256', 'kid', '{}', 'active', 100, 200);
      INSERT INTO signing_key VALUES ('bb', 'main', 'access_token', 'ES256', '', '', 'destroyed', 90, 95);
      PRAGMA application_id = 1296919411; PRAGMA user_version = 1;)",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(raw);
  SetUp();
  const auto all = store_->list().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].kid, "kid");
  EXPECT_EQ(all[1].state, KeyState::active);
  EXPECT_EQ(all[1].at(KeyState::published), from_unix(100));
  EXPECT_EQ(all[1].at(KeyState::active), from_unix(200));
  EXPECT_EQ(all[0].at(KeyState::destroyed), from_unix(95));
}

TEST_F(KeyStates, AreKeptWhenTheProcessIsKilledRightAfter) {
  const pid_t child = test::in_child([this] {
    auto store = open_key_state_store(path_);
    if (!store || !(*store)->put(key("aa"))) return 1;
    raise(SIGKILL);
    return 2;
  });
  EXPECT_EQ(test::end_of(child), -1);
  EXPECT_EQ(store_->list().value().size(), 1U);
}

TEST_F(KeyStates, AreNotKeptAmongDevices) {
  const auto devices = open_device_store(path_);
  ASSERT_FALSE(devices);
  EXPECT_EQ(devices.error().code, Code::store_foreign);
}

}  // namespace
}  // namespace mintmark::store
