// Keys that are compromised, lost, or made by a ceremony.
#include "lifecycle_fixture.h"

namespace mintmark::keyring {
namespace {

// ---- compromise ----

TEST_F(LifecycleTest, ARevokedKeyIsPublishedNoMoreAndItsSuccessorSignsBeforeTheHardwareIsAsked) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const auto bad = record_of("access_token", KeyState::active);
  const auto next = record_of("access_token", KeyState::published);
  EXPECT_EQ(lifecycle->revoke(bad.kid, "seen on a market"), true);
  auto now = snapshot().value();
  EXPECT_EQ(now->find(bad.kid, hsm::Purpose::access_token), nullptr);
  EXPECT_EQ(now->current(hsm::Purpose::access_token, Algorithm::es256)->kid(), next.kid);
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(journal.records[bad.id].state, KeyState::destroyed);
  EXPECT_EQ(journal.records[bad.id].revoked_why, "seen on a market");
  EXPECT_EQ(count(KeyState::published), 2U) << "there is one ahead again";
  EXPECT_EQ(keys_in_hardware(), 4U);
}

TEST_F(LifecycleTest, WhereNoneIsAheadANewKeySignsAtOnce) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  ASSERT_TRUE(lifecycle->revoke(record_of("access_token", KeyState::published).kid, "x"));
  const auto bad = record_of("access_token", KeyState::active);
  ASSERT_TRUE(lifecycle->revoke(bad.kid, "x"));
  EXPECT_EQ(snapshot().value()->current(hsm::Purpose::access_token, Algorithm::es256), nullptr);
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_NE(snapshot().value()->current(hsm::Purpose::access_token, Algorithm::es256), nullptr);
}

TEST_F(LifecycleTest, ARevocationHoldsWithoutASignerAndIsDoneWhenThereIsOne) {
  ASSERT_TRUE(reconcile());
  const auto bad = record_of("access_token", KeyState::active);
  ASSERT_TRUE(start()->revoke(bad.kid, "x")) << "this one never saw the hardware";
  EXPECT_EQ(snapshot().value()->find(bad.kid, hsm::Purpose::access_token), nullptr);
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(journal.records[bad.id].state, KeyState::destroyed);
  EXPECT_EQ(keys_in_hardware(), 4U);
}

TEST_F(LifecycleTest, RevokingTwiceChangesNothingAndAnUnknownKidIsRefused) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const auto bad = record_of("access_token", KeyState::active);
  ASSERT_TRUE(lifecycle->revoke(bad.kid, "x"));
  const auto before = journal.history;
  EXPECT_EQ(lifecycle->revoke(bad.kid, "y"), false);
  EXPECT_EQ(journal.history, before);
  EXPECT_EQ(lifecycle->revoke("nobody", "x").error().code, Code::key_not_found);
}

TEST_F(LifecycleTest, AKeyThatEndedInItsTimeIsRevokedAllTheSame) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  auto old = record_of("access_token", KeyState::active);
  old.become(KeyState::destroyed, from_unix(1));
  ASSERT_TRUE(journal.put(old));
  EXPECT_EQ(lifecycle->revoke(old.kid, "a copy was found"), true);
  EXPECT_EQ(journal.records[old.id].revoked_why, "a copy was found");
  EXPECT_EQ(journal.records[old.id].state, KeyState::destroyed);
  EXPECT_GT(journal.records[old.id].at(KeyState::destroyed), from_unix(1));
  EXPECT_EQ(lifecycle->revoke(old.kid, "again"), false);
}

TEST_F(LifecycleTest, ARevokedKeyThatHasRetiredIsPublishedNoMore) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const auto old = record_of("access_token", KeyState::active);
  clock.advance(seconds(10000));
  ASSERT_TRUE(reconcile(*lifecycle));
  clock.advance(seconds(5));
  ASSERT_TRUE(reconcile(*lifecycle));
  ASSERT_EQ(journal.records[old.id].state, KeyState::retired);
  ASSERT_TRUE(lifecycle->revoke(old.kid, "x"));
  EXPECT_EQ(journal.records[old.id].state, KeyState::destroyed);
  EXPECT_EQ(snapshot().value()->find(old.kid, hsm::Purpose::access_token), nullptr);
}

TEST_F(LifecycleTest, ARevocationThatComesWhileTheKeyIsBeingEndedIsNotForgotten) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const auto old = record_of("access_token", KeyState::active);
  clock.advance(seconds(10000));
  ASSERT_TRUE(reconcile(*lifecycle));
  clock.advance(seconds(5));
  store->before_destruction([&] { EXPECT_TRUE(lifecycle->revoke(old.kid, "stolen")); });
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(journal.records[old.id].state, KeyState::destroyed);
  EXPECT_EQ(journal.records[old.id].revoked_why, "stolen");
  EXPECT_EQ(snapshot().value()->find(old.kid, hsm::Purpose::access_token), nullptr);
}

TEST_F(LifecycleTest, ASuccessorThatIsKnownToBeLostDoesNotTakeOverFromARevokedKey) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const auto lost = record_of("access_token", KeyState::published);
  const auto bad = record_of("access_token", KeyState::active);
  ASSERT_TRUE(destroy(lost.id));
  ASSERT_TRUE(reconcile(*lifecycle));
  ASSERT_TRUE(lifecycle->revoke(bad.kid, "stolen"));
  EXPECT_EQ(journal.records[lost.id].state, KeyState::published);
  ASSERT_FALSE(reconcile(*lifecycle)) << "nothing is made on a look that lacks something";
  EXPECT_EQ(journal.records[bad.id].state, KeyState::destroyed) << "but what was taken back ends";
  ASSERT_TRUE(lifecycle->revoke(lost.kid, "lost"));
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_NE(record_of("access_token", KeyState::active).kid, bad.kid);
}

TEST_F(LifecycleTest, ARevokedKeyIsNotBelievedEndedByATokenThatShowsNothingOfOurs) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const auto bad = record_of("access_token", KeyState::active);
  for (auto& [id, record] : journal.records) {
    if (record.id != bad.id) record.state = KeyState::destroyed;
  }
  ASSERT_TRUE(lifecycle->revoke(bad.kid, "stolen"));
  generate = false;
  store = std::make_unique<mintmark::test::FakeKeyStore>();  // Another token in the slot.
  EXPECT_FALSE(reconcile(*start()));
  EXPECT_EQ(journal.records[bad.id].state, KeyState::retiring);
}

// ---- what fails ----

TEST_F(LifecycleTest, TokensDoNotWaitForASuccessorThatCannotBeMade) {
  ASSERT_TRUE(reconcile());
  told_signing = 0;
  for (auto& [id, record] : journal.records) {
    if (record.state == KeyState::published) record.state = KeyState::destroyed;
  }
  const auto lifecycle = start();
  store->before_generation([&] { EXPECT_GT(told_signing, 0) << "told before it is tried"; });
  ASSERT_TRUE(reconcile(*lifecycle));
}

TEST_F(LifecycleTest, AGenerationThatFailsIsTriedEverMoreSeldomAndLeavesNoPileOfRecords) {
  ASSERT_TRUE(reconcile());
  for (auto& [id, record] : journal.records) {
    if (record.state == KeyState::published) record.state = KeyState::destroyed;
  }
  const std::size_t before = journal.records.size();
  store->fail_generation_with({Code::hsm_failed, "full", 0x31});
  const auto lifecycle = start();
  for (int day = 0; day < 3; ++day) {
    for (int minute = 0; minute < 24 * 60; minute += 5) {
      ASSERT_TRUE(reconcile(*lifecycle)) << "the old keys sign on";
      clock.advance(seconds(300));
    }
  }
  EXPECT_LT(journal.records.size(), before + 70) << "of two kinds, once an hour, kept for a day";
  EXPECT_FALSE(lifecycle->troubles().empty());
}

TEST_F(LifecycleTest, AKeyThatSignsAndIsMissingIsATrouble) {
  ASSERT_TRUE(reconcile());
  const auto lost = record_of("access_token", KeyState::active);
  ASSERT_TRUE(destroy(lost.id));
  const auto lifecycle = start();
  ASSERT_FALSE(reconcile(*lifecycle));
  ASSERT_FALSE(lifecycle->troubles().empty());
  EXPECT_NE(lifecycle->troubles()[0].find(lost.kid), std::string::npos);
}

TEST_F(LifecycleTest, TheFirstKeyOfANewStoreWaitsForVerifiersWhereAnotherSigns) {
  elsewhere = true;
  const auto lifecycle = start(false);
  EXPECT_TRUE(reconcile(*lifecycle)) << "the other one signs";
  EXPECT_EQ(count(KeyState::active), 0U);
  EXPECT_EQ(lifecycle->due(), clock.now() + seconds(600));
  clock.advance(seconds(600));
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(count(KeyState::active), 2U);
}

// ---- ceremonies ----

TEST_F(LifecycleTest, WithoutTheRightToGenerateItSaysThatAKeyIsToBeAdopted) {
  generate = false;
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::keys_not_ready);
  EXPECT_NE(snapshot.error().detail.find("adopt"), std::string::npos);
  EXPECT_EQ(keys_in_hardware(), 0U);
}

TEST_F(LifecycleTest, AdoptedKeysSignInTheirTurn) {
  generate = false;
  const hsm::KeyInfo first = store->make_key(hsm::Purpose::access_token);
  const hsm::KeyInfo attestations = store->make_key(hsm::Purpose::client_attestation);
  const auto lifecycle = start();
  ASSERT_FALSE(reconcile(*lifecycle));
  ASSERT_TRUE(lifecycle->adopt(first.kid()));
  ASSERT_TRUE(lifecycle->adopt(attestations.kid()));
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(record_of("access_token", KeyState::active).kid, first.kid());

  const hsm::KeyInfo second = store->make_key(hsm::Purpose::access_token);
  clock.advance(seconds(10000));
  ASSERT_TRUE(reconcile(*lifecycle));
  ASSERT_TRUE(lifecycle->adopt(second.kid()));
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(record_of("access_token", KeyState::active).kid, first.kid())
      << "verifiers do not know the second yet";
  clock.advance(seconds(600));
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(record_of("access_token", KeyState::active).kid, second.kid());
}

TEST_F(LifecycleTest, AnUnfitKeyOrOneThatIsNoOrphanIsNotAdopted) {
  ASSERT_TRUE(reconcile());
  const hsm::KeyInfo unfit = store->make_key(hsm::Purpose::access_token);
  store->make_unfit(unfit.id, "CKA_SENSITIVE is not true");
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const auto refused = lifecycle->adopt(unfit.kid());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::hsm_key_unfit);
  EXPECT_NE(refused.error().detail.find("CKA_SENSITIVE"), std::string::npos);
  EXPECT_EQ(lifecycle->adopt(record_of("access_token", KeyState::active).kid).error().code,
            Code::key_not_found);
}

TEST_F(LifecycleTest, AnOrphanThatIsGivenUpEndsInTheHardwareAndNoOther) {
  ASSERT_TRUE(reconcile());
  const hsm::KeyInfo orphan = store->make_key(hsm::Purpose::access_token);
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(lifecycle->give_up(record_of("access_token", KeyState::active).kid).error().code,
            Code::key_not_found);
  ASSERT_TRUE(lifecycle->give_up(orphan.kid()));
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(keys_in_hardware(), 4U);
  EXPECT_TRUE(lifecycle->orphans().empty());
}

TEST_F(LifecycleTest, OneThatIsAskedForWhileAnotherIsUnderWayIsDoneAfterIt) {
  const auto lifecycle = start();
  store->hold();
  std::vector<std::string> outcomes;
  const auto tell = [&outcomes](const char* which) {
    return [&outcomes, which](const Result<void>& outcome) {
      outcomes.push_back(which + std::string(outcome ? " well" : " badly"));
    };
  };
  lifecycle->reconcile(Deadline::in(seconds(10)), tell("first"));
  EXPECT_TRUE(lifecycle->busy());
  lifecycle->reconcile(Deadline::in(seconds(10)), tell("second"));
  store->release();
  turns.run_until([&] { return outcomes.size() == 2; });
  EXPECT_EQ(outcomes, (std::vector<std::string>{"first well", "second well"}));
  EXPECT_EQ(keys_in_hardware(), 4U);
}

}  // namespace
}  // namespace mintmark::keyring
