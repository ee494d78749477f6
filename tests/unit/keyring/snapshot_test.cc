#include <gtest/gtest.h>

#include "keyring/keyring.h"
#include "support/fake_key_store.h"

namespace mintmark::keyring {
namespace {

PublishedKey key_of(test::FakeKeyStore& store, hsm::Purpose purpose, bool active) {
  const hsm::KeyInfo info = store.make_key(purpose);
  return {info.id, "main", purpose, active, info.public_key};
}

TEST(Snapshot, WithTwoActiveKeysOfOnePurposeIsRefused) {
  test::FakeKeyStore store;
  const auto snapshot = Snapshot::make(1, {key_of(store, hsm::Purpose::access_token, true),
                                           key_of(store, hsm::Purpose::access_token, true)});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::internal);
}

TEST(Snapshot, WithOneKidTwiceIsRefused) {
  test::FakeKeyStore store;
  const PublishedKey key = key_of(store, hsm::Purpose::access_token, false);
  EXPECT_FALSE(Snapshot::make(1, {key, key}));
}

TEST(Snapshot, NeverPublishesATlsKey) {
  test::FakeKeyStore store;
  const auto snapshot = Snapshot::make(1, {key_of(store, hsm::Purpose::tls, false)});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::internal);
}

TEST(Snapshot, FindsAKeyUnderItsOwnPurposeAndNoOther) {
  test::FakeKeyStore store;
  const PublishedKey key = key_of(store, hsm::Purpose::access_token, true);
  const auto snapshot = Snapshot::make(1, {key});
  ASSERT_TRUE(snapshot);
  EXPECT_NE((*snapshot)->find(key.kid(), hsm::Purpose::access_token), nullptr);
  EXPECT_EQ((*snapshot)->find(key.kid(), hsm::Purpose::client_attestation), nullptr);
  EXPECT_EQ((*snapshot)->current(hsm::Purpose::client_attestation), nullptr);
}

TEST(Snapshot, PublishesNoPrivateMemberAndNamesThePurpose) {
  test::FakeKeyStore store;
  const auto snapshot = Snapshot::make(1, {key_of(store, hsm::Purpose::client_attestation, true)});
  ASSERT_TRUE(snapshot);
  const Json jwk = Json::parse((*snapshot)->jwks())["keys"][0];
  EXPECT_EQ(jwk["mintmark_purpose"], "client_attestation");
  EXPECT_EQ(jwk["alg"], "ES256");
  EXPECT_FALSE(jwk.contains("d"));
}

TEST(Snapshot, ComesBackTheSameThroughJson) {
  test::FakeKeyStore store;
  const auto snapshot = Snapshot::make(7, {key_of(store, hsm::Purpose::access_token, true)});
  ASSERT_TRUE(snapshot);
  const auto again = Snapshot::from_json((*snapshot)->to_json());
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ((*again)->epoch(), 7U);
  EXPECT_EQ((*again)->etag(), (*snapshot)->etag());
  EXPECT_EQ((*again)->current(hsm::Purpose::access_token)->kid(),
            (*snapshot)->current(hsm::Purpose::access_token)->kid());
}

TEST(Snapshot, FromJsonOfAnotherShapeIsRefused) {
  for (const char* text :
       {"{}", "[]", R"({"epoch":1})", R"({"epoch":-1,"keys":[]})", R"({"epoch":1,"keys":[1]})",
        R"({"epoch":1,"keys":[{"id":"00","purpose":"access_token","jwk":{}}]})"}) {
    EXPECT_FALSE(Snapshot::from_json(Json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace mintmark::keyring
