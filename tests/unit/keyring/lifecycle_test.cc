#include "keyring/lifecycle.h"

#include <gtest/gtest.h>

#include <future>
#include <map>

#include "support/fake_key_store.h"
#include "support/manual_clock.h"

namespace mintmark::keyring {
namespace {

using jose::Algorithm;

// The journal in memory, with a switch to fail the next write of a state.
class Journal final : public store::KeyStateStore {
 public:
  Result<void> put(const store::KeyRecord& key) override {
    if (key.state == fail_on) return fail(Code::store_failed, "disk full");
    history.push_back(key.purpose + " " + key.algorithm + " " + key.state);
    records[key.id] = key;
    return {};
  }
  Result<std::vector<store::KeyRecord>> list() const override {
    std::vector<store::KeyRecord> all;
    for (const auto& [id, record] : records) all.push_back(record);
    return all;
  }
  std::map<std::string, store::KeyRecord> records;
  std::vector<std::string> history;
  std::string fail_on;
};

class LifecycleTest : public ::testing::Test {
 protected:
  Result<std::shared_ptr<const Snapshot>> reconcile() {
    Lifecycle lifecycle(journal, {"main", *store, *store}, algorithms.wanted(), clock,
                        [](const std::function<void()>& work) { work(); });
    std::promise<Result<std::shared_ptr<const Snapshot>>> promise;
    lifecycle.reconcile(Deadline::in(std::chrono::seconds(10)),
                        [&](auto snapshot) { promise.set_value(std::move(snapshot)); });
    auto result = promise.get_future().get();
    orphans = lifecycle.orphans();
    return result;
  }

  store::KeyRecord& only_record_of(const std::string& purpose) {
    for (auto& [id, record] : journal.records) {
      if (record.purpose == purpose) return record;
    }
    throw std::logic_error("no record of " + purpose);
  }

  std::shared_ptr<test::FakeKeyStore::Keys> keys = test::FakeKeyStore::make_keys();
  std::unique_ptr<test::FakeKeyStore> store = std::make_unique<test::FakeKeyStore>(keys);
  Journal journal;
  SigningAlgorithms algorithms;
  test::ManualClock clock;
  std::vector<std::string> orphans;
};

TEST_F(LifecycleTest, GivesEachPurposeOneActiveKeyAndWritesTheIntentFirst) {
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_NE((*snapshot)->current(hsm::Purpose::access_token, Algorithm::es256), nullptr);
  EXPECT_NE((*snapshot)->current(hsm::Purpose::client_attestation, Algorithm::es256), nullptr);
  EXPECT_EQ(journal.history,
            (std::vector<std::string>{"access_token ES256 planned", "access_token ES256 active",
                                      "client_attestation ES256 planned",
                                      "client_attestation ES256 active"}));
}

TEST_F(LifecycleTest, GivesEachAlgorithmThatIsUsedAKeyOfItsOwn) {
  algorithms.usual = Algorithm::ps256;
  algorithms.by_audience = {{"a", Algorithm::ed25519}, {"b", Algorithm::rs256}};
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  for (const KeyKind& kind : algorithms.wanted())
    EXPECT_NE((*snapshot)->current(kind.purpose, kind.algorithm), nullptr) << to_string(kind);
  EXPECT_EQ(journal.records.size(), 4U);
  const auto again = reconcile();
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(journal.records.size(), 4U) << "what is there is not made again";
  EXPECT_EQ((*again)->etag(), (*snapshot)->etag());
}

TEST_F(LifecycleTest, AnAlgorithmThatIsNewlyWantedGetsAKeyBesideTheOthers) {
  // A journal of an issuer that knew ES256 alone.
  const auto before = reconcile();
  ASSERT_TRUE(before);
  algorithms.usual = Algorithm::rs256;
  const auto after = reconcile();
  ASSERT_TRUE(after) << after.error().to_string();
  EXPECT_NE((*after)->current(hsm::Purpose::access_token, Algorithm::rs256), nullptr);
  const auto* old = (*before)->current(hsm::Purpose::access_token, Algorithm::es256);
  ASSERT_NE((*after)->find(old->kid(), hsm::Purpose::access_token), nullptr)
      << "tokens of the old key still verify";
  algorithms.usual = Algorithm::es256;
  const auto back = reconcile();
  ASSERT_TRUE(back);
  EXPECT_EQ((*back)->current(hsm::Purpose::access_token, Algorithm::es256)->kid(), old->kid());
  EXPECT_EQ(journal.records.size(), 4U);
}

TEST_F(LifecycleTest, AnAlgorithmThatTheHardwareLacksEndsItWithTheKindAndNoIntentIsLeft) {
  algorithms.by_audience = {{"a", Algorithm::ed25519}};
  store->lack(Algorithm::ed25519);
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::hsm_mechanism_missing);
  EXPECT_NE(snapshot.error().detail.find("access_token Ed25519"), std::string::npos);
  for (const auto& [id, record] : journal.records) {
    EXPECT_EQ(record.state, record.algorithm == "Ed25519" ? "destroyed" : "active");
  }
}

TEST_F(LifecycleTest, AnIntentWhoseKeyIsOfAnotherAlgorithmIsRefused) {
  const hsm::KeyInfo key =
      store->make_key(hsm::Purpose::access_token, hsm::random_key_id(), Algorithm::es384);
  store::KeyRecord record;
  record.id = hsm::to_string(key.id);
  record.store = "main";
  record.purpose = "access_token";
  record.algorithm = "ES256";
  record.state = "planned";
  journal.records[record.id] = record;
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::hsm_key_unfit);
}

TEST_F(LifecycleTest, ARecordWhoseKeyIsOfAnotherAlgorithmIsRefused) {
  ASSERT_TRUE(reconcile());
  only_record_of("access_token").algorithm = "ES384";
  algorithms.usual = Algorithm::es384;
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::store_failed);
}

TEST_F(LifecycleTest, GeneratesNothingWhenAllIsThere) {
  const auto first = reconcile();
  const auto second = reconcile();
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*first)->etag(), (*second)->etag());
  EXPECT_EQ(journal.records.size(), 2U);
}

TEST_F(LifecycleTest, AnActiveKeyThatTheHardwareDoesNotShowIsNamedAndNotReplaced) {
  ASSERT_TRUE(reconcile());
  store = std::make_unique<test::FakeKeyStore>();  // Another token in the slot.
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::hsm_key_unknown);
  EXPECT_NE(snapshot.error().detail.find(journal.records.begin()->second.kid), std::string::npos);
  EXPECT_EQ(journal.records.size(), 2U);
  for (const auto& [id, record] : journal.records) EXPECT_EQ(record.state, "active");
}

TEST_F(LifecycleTest, AnUnfitActiveKeyIsRefusedAndNotReplaced) {
  ASSERT_TRUE(reconcile());
  store->make_unfit(*hsm::key_id_from(only_record_of("access_token").id),
                    "CKA_NEVER_EXTRACTABLE is not true");
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::hsm_key_unfit);
  EXPECT_NE(snapshot.error().detail.find("CKA_NEVER_EXTRACTABLE"), std::string::npos);
}

TEST_F(LifecycleTest, AnIntentWhoseKeyWasMadeBecomesTheActiveKey) {
  journal.fail_on = "active";  // The process ends between generation and outcome.
  ASSERT_FALSE(reconcile());
  ASSERT_EQ(only_record_of("access_token").state, "planned");
  journal.fail_on = "";
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_EQ(only_record_of("access_token").state, "active");
  EXPECT_EQ(journal.records.size(), 2U) << "the key that was made is used, no second one";
  EXPECT_TRUE(orphans.empty());
}

TEST_F(LifecycleTest, AnIntentWithoutAKeyEndsAndANewKeyIsMade) {
  store::KeyRecord record;
  record.id = hsm::to_string(hsm::random_key_id());
  record.store = "main";
  record.purpose = "access_token";
  record.state = "planned";
  journal.records[record.id] = record;
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_EQ(journal.records[record.id].state, "destroyed");
  EXPECT_NE((*snapshot)->current(hsm::Purpose::access_token, Algorithm::es256), nullptr);
}

TEST_F(LifecycleTest, AKeyThatNoRecordKnowsIsNamedAndLeftAlone) {
  const hsm::KeyInfo stranger = store->make_key(hsm::Purpose::access_token);
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(orphans, std::vector<std::string>{stranger.kid()});
  EXPECT_EQ((*snapshot)->find(stranger.kid(), hsm::Purpose::access_token), nullptr);
}

TEST_F(LifecycleTest, ATlsKeyIsNeitherMadeNorPublishedNorMissedInTheRecords) {
  const auto before = reconcile();
  ASSERT_TRUE(before);
  const hsm::KeyInfo tls = store->make_key(hsm::Purpose::tls);
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(orphans.empty());
  EXPECT_EQ((*snapshot)->jwks(), (*before)->jwks());
  EXPECT_EQ((*snapshot)->jwks().find(tls.kid()), std::string::npos);
  EXPECT_EQ(journal.records.size(), 2U);
}

TEST_F(LifecycleTest, NothingIsGeneratedWhenTheIntentCannotBeWritten) {
  journal.fail_on = "planned";
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::store_failed);
  journal.fail_on = "";
  ASSERT_TRUE(reconcile());
  EXPECT_TRUE(orphans.empty()) << "a key was generated without an intent";
}

TEST_F(LifecycleTest, KeysOfAnotherKeyStoreAreNoneOfItsBusiness) {
  ASSERT_TRUE(reconcile());
  store::KeyRecord other = only_record_of("access_token");
  other.id = hsm::to_string(hsm::random_key_id());
  other.store = "second";
  journal.records[other.id] = other;
  EXPECT_TRUE(reconcile()) << "a key that lives in another store is not missing here";
}

}  // namespace
}  // namespace mintmark::keyring
