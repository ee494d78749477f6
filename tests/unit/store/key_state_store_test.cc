#include <gtest/gtest.h>

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
  record.state = "planned";
  record.created_at = record.changed_at = from_unix(1'800'000'000);
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
  record.changed_at = from_unix(1'800'000'009);
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
  EXPECT_EQ(all[0].state, "planned");
  EXPECT_EQ(all[0].created_at, record.created_at);
  EXPECT_EQ(all[0].changed_at, record.changed_at);
}

TEST_F(KeyStates, AreReplacedById) {
  ASSERT_TRUE(store_->put(key("aa")));
  KeyRecord active = key("aa");
  active.state = "active";
  ASSERT_TRUE(store_->put(active));
  ASSERT_TRUE(store_->put(key("bb")));
  const auto all = store_->list().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].state, "active");
  EXPECT_EQ(all[1].state, "planned");
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
