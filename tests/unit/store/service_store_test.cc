#include "store/service_store.h"

#include <gtest/gtest.h>

#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

const Moment now = from_unix(1'800'000'000);

ServiceRecord service(const std::string& id, const std::string& jkt) {
  ServiceRecord record;
  record.id = id;
  record.name = "a name";
  record.jkt = jkt;
  record.public_jwk = R"({"kty":"EC"})";
  record.audiences = {"https://a.example", "https://b.example"};
  record.roles = {"introspect"};
  record.added_at = now;
  return record;
}

class ServiceStoreTest : public testing::Test {
 protected:
  void SetUp() override { store_ = open_service_store(path_).value(); }

  const mintmark::test::Scratch scratch_;
  const std::string path_ = scratch_ / "services.db";
  std::unique_ptr<ServiceStore> store_;
};

TEST_F(ServiceStoreTest, GivesServicesBackAsTheyWereAddedAlsoAfterARestart) {
  ASSERT_TRUE(store_->add(service("one", "key-1")));
  store_.reset();
  SetUp();
  const auto all = store_->list().value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, "one");
  EXPECT_EQ(all[0].name, "a name");
  EXPECT_EQ(all[0].jkt, "key-1");
  EXPECT_EQ(all[0].public_jwk, R"({"kty":"EC"})");
  EXPECT_EQ(all[0].audiences, service("", "").audiences);
  EXPECT_EQ(all[0].roles, std::vector<std::string>{"introspect"});
  EXPECT_EQ(all[0].added_at, now);
  EXPECT_FALSE(all[0].removed());
}

TEST_F(ServiceStoreTest, RefusesAKeyThatARegisteredServiceHas) {
  ASSERT_TRUE(store_->add(service("one", "key-1")));
  EXPECT_EQ(store_->add(service("two", "key-1")).error().code, Code::service_exists);
  EXPECT_EQ(store_->list()->size(), 1U);
}

TEST_F(ServiceStoreTest, GivesAnIdOnceAndAKeyAgainWhenItsServiceIsRemoved) {
  ASSERT_TRUE(store_->add(service("one", "key-1")));
  ASSERT_TRUE(store_->remove("one", now + std::chrono::seconds(5)));
  EXPECT_EQ(store_->add(service("one", "key-2")).error().code, Code::service_exists);
  EXPECT_TRUE(store_->add(service("two", "key-1")));
}

TEST_F(ServiceStoreTest, KeepsTheMomentAtWhichAServiceWasRemovedFirst) {
  ASSERT_TRUE(store_->add(service("one", "key-1")));
  EXPECT_EQ(store_->remove("one", now + std::chrono::seconds(5))->removed_at,
            now + std::chrono::seconds(5));
  EXPECT_EQ(store_->remove("one", now + std::chrono::seconds(9))->removed_at,
            now + std::chrono::seconds(5));
  EXPECT_TRUE(store_->list()->at(0).removed());
}

TEST_F(ServiceStoreTest, RemovesNobodyWhoIsNotThere) {
  EXPECT_EQ(store_->remove("nobody", now).error().code, Code::service_not_found);
}

TEST_F(ServiceStoreTest, OpensNoDatabaseOfAnotherKind) {
  ASSERT_TRUE(open_device_store(scratch_ / "devices.db"));
  EXPECT_EQ(open_service_store(scratch_ / "devices.db").error().code, Code::store_foreign);
}

}  // namespace
}  // namespace mintmark::store
