// Keys that are made, found again, and rotated.
#include "lifecycle_fixture.h"

namespace mintmark::keyring {
namespace {

TEST_F(LifecycleTest, GivesEachPurposeAKeyThatSignsAndOneAheadAndWritesTheIntentFirst) {
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_NE((*snapshot)->current(hsm::Purpose::access_token, Algorithm::es256), nullptr);
  EXPECT_NE((*snapshot)->current(hsm::Purpose::client_attestation, Algorithm::es256), nullptr);
  EXPECT_EQ(count(KeyState::active), 2U);
  EXPECT_EQ(count(KeyState::published), 2U);
  EXPECT_EQ((*snapshot)->keys().size(), 4U) << "the ones ahead are published";
  const std::vector<std::string> first(journal.history.begin(), journal.history.begin() + 3);
  EXPECT_EQ(first,
            (std::vector<std::string>{"access_token ES256 planned", "access_token ES256 published",
                                      "access_token ES256 active"}));
  EXPECT_EQ(due, clock.now() + seconds(10000));
}

TEST_F(LifecycleTest, GivesEachAlgorithmThatIsUsedAKeyOfItsOwn) {
  algorithms.usual = Algorithm::ps256;
  algorithms.by_audience = {{"a", Algorithm::ed25519}, {"b", Algorithm::rs256}};
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  for (const KeyKind& kind : plan().wanted)
    EXPECT_NE((*snapshot)->current(kind.purpose, kind.algorithm), nullptr) << to_string(kind);
  EXPECT_EQ(journal.records.size(), 8U);
  const auto again = reconcile();
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(journal.records.size(), 8U) << "what is there is not made again";
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
}

TEST_F(LifecycleTest, ResultsThatAreSwitchedOnGetAKeyWhichStaysPublishedWhenTheyAreSwitchedOff) {
  ASSERT_TRUE(reconcile());
  algorithms.results = true;
  const auto on = reconcile();
  ASSERT_TRUE(on) << on.error().to_string();
  const auto* key = (*on)->current(hsm::Purpose::result, Algorithm::es256);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ((*on)->find(key->kid(), hsm::Purpose::access_token), nullptr);

  algorithms.results = false;
  const auto off = reconcile();
  ASSERT_TRUE(off);
  EXPECT_NE((*off)->find(key->kid(), hsm::Purpose::result), nullptr) << "what it signed is good";
}

TEST_F(LifecycleTest, AnAlgorithmThatTheHardwareLacksEndsItWithTheKindAndNoIntentIsLeft) {
  algorithms.by_audience = {{"a", Algorithm::ed25519}};
  store->lack(Algorithm::ed25519);
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::hsm_mechanism_missing);
  EXPECT_NE(snapshot.error().detail.find("access_token Ed25519"), std::string::npos);
  EXPECT_EQ(record_of("access_token", KeyState::destroyed).algorithm, "Ed25519");
  EXPECT_EQ(count(KeyState::planned), 0U);
}

TEST_F(LifecycleTest, WhatTheHardwareLacksIsNotTriedAgainAndRefusedForTheSameReason) {
  algorithms.by_audience = {{"a", Algorithm::ed25519}};
  store->lack(Algorithm::ed25519);
  const auto lifecycle = start();
  ASSERT_FALSE(reconcile(*lifecycle));
  const std::size_t written = journal.history.size();
  const auto again = reconcile(*lifecycle);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::hsm_mechanism_missing);
  EXPECT_EQ(journal.history.size(), written);
}

TEST_F(LifecycleTest, OneOfSeveralStoresNeedNotHaveEveryAlgorithm) {
  algorithms.by_audience = {{"a", Algorithm::ed25519}};
  store->lack(Algorithm::ed25519);
  const auto lifecycle = start(false);
  EXPECT_TRUE(reconcile(*lifecycle));
  EXPECT_TRUE(lifecycle->troubles().empty()) << "nothing is wrong with that";
  EXPECT_GE(told_signing, 1);
}

TEST_F(LifecycleTest, ARecordWhoseKeyIsOfAnotherAlgorithmIsRefused) {
  ASSERT_TRUE(reconcile());
  record_of("access_token", KeyState::active).algorithm = "ES384";
  EXPECT_EQ(snapshot().error().code, Code::store_failed);
}

TEST_F(LifecycleTest, GeneratesNothingWhenAllIsThere) {
  const auto first = reconcile();
  const auto second = reconcile();
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*first)->etag(), (*second)->etag());
  EXPECT_EQ(journal.records.size(), 4U);
}

TEST_F(LifecycleTest, AnActiveKeyThatTheHardwareDoesNotShowIsNamedAndNotReplaced) {
  ASSERT_TRUE(reconcile());
  const auto before = journal.history;
  store = std::make_unique<mintmark::test::FakeKeyStore>();  // Another token in the slot.
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::hsm_key_unknown);
  EXPECT_EQ(journal.history, before) << "nothing was made, ended or written";
  EXPECT_EQ(keys_in_hardware(), 0U);
  EXPECT_TRUE(due) << "it is looked at again";
}

TEST_F(LifecycleTest, AnUnfitActiveKeyIsRefusedAndNotReplaced) {
  ASSERT_TRUE(reconcile());
  store->make_unfit(*hsm::key_id_from(record_of("access_token", KeyState::active).id),
                    "CKA_NEVER_EXTRACTABLE is not true");
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::hsm_key_unfit);
  EXPECT_NE(snapshot.error().detail.find("CKA_NEVER_EXTRACTABLE"), std::string::npos);
}

TEST_F(LifecycleTest, ALostKeyAheadHoldsUpWhateverCannotBeUndoneAndTokensGoOn) {
  ASSERT_TRUE(reconcile());
  const auto lost = record_of("access_token", KeyState::published);
  ASSERT_TRUE(destroy(lost.id));
  clock.advance(seconds(10000));  // The attestations' rotation is due as well.
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_NE((*snapshot)->current(hsm::Purpose::access_token, Algorithm::es256), nullptr);
  ASSERT_FALSE(troubles.empty());
  EXPECT_NE(troubles[0].find(lost.kid), std::string::npos);
  EXPECT_EQ(count(KeyState::retired), 0U) << "nothing was ended in the hardware";

  // The operator says that it is gone for good.
  const auto lifecycle = start();
  ASSERT_TRUE(lifecycle->revoke(lost.kid, "lost by the token"));
  clock.advance(seconds(10));
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_TRUE(lifecycle->troubles().empty());
  EXPECT_EQ(journal.records[lost.id].state, KeyState::destroyed);
  EXPECT_EQ(count(KeyState::published), 2U) << "another one is made ahead";
}

TEST_F(LifecycleTest, AnIntentWithoutAnOutcomeEndsWithItsKeyAndANewOneIsMade) {
  journal.fail_on = KeyState::published;  // The process ends between generation and outcome.
  ASSERT_FALSE(reconcile());
  ASSERT_EQ(keys_in_hardware(), 2U);
  journal.fail_on.reset();
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_EQ(count(KeyState::planned), 0U);
  EXPECT_EQ(keys_in_hardware(), 4U) << "what nobody may rely on has been ended";
  EXPECT_TRUE(orphans.empty());
}

TEST_F(LifecycleTest, AnIntentWithoutAKeyEndsAndANewKeyIsMade) {
  store::KeyRecord record;
  record.id = hsm::to_string(hsm::random_key_id());
  record.store = "main";
  record.purpose = "access_token";
  record.algorithm = "ES256";
  journal.records[record.id] = record;
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_EQ(journal.records[record.id].state, KeyState::destroyed);
  EXPECT_NE((*snapshot)->current(hsm::Purpose::access_token, Algorithm::es256), nullptr);
}

TEST_F(LifecycleTest, AKeyThatNoRecordKnowsIsNamedAndLeftAlone) {
  ASSERT_TRUE(reconcile());
  const hsm::KeyInfo stranger = store->make_key(hsm::Purpose::access_token);
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(orphans, std::vector<std::string>{stranger.kid()});
  EXPECT_EQ((*snapshot)->find(stranger.kid(), hsm::Purpose::access_token), nullptr);
  EXPECT_EQ(keys_in_hardware(), 5U);
}

TEST_F(LifecycleTest, ALostJournalMakesNoNewKeysBesideThoseThatVerifiersKnow) {
  const hsm::KeyInfo known = store->make_key(hsm::Purpose::access_token);
  const auto lifecycle = start();
  const auto outcome = reconcile(*lifecycle);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::keys_not_ready);
  EXPECT_NE(outcome.error().detail.find("adopt"), std::string::npos);
  EXPECT_EQ(keys_in_hardware(), 1U + 2U) << "of client attestations there was none";
  ASSERT_TRUE(lifecycle->adopt(known.kid()));
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(record_of("access_token", KeyState::active).kid, known.kid());
}

TEST_F(LifecycleTest, AKeyThatTheJournalHasUnderAnotherStoreIsNoOrphan) {
  ASSERT_TRUE(reconcile());
  for (auto& [id, record] : journal.records) record.store = "renamed";
  const auto kid = record_of("access_token", KeyState::active).kid;
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_TRUE(lifecycle->orphans().empty());
  EXPECT_EQ(lifecycle->troubles().size(), 4U) << "each is named";
  EXPECT_EQ(lifecycle->adopt(kid).error().code, Code::key_not_found);
  EXPECT_EQ(lifecycle->give_up(kid).error().code, Code::key_not_found);
}

TEST_F(LifecycleTest, ARevokedKeyIsNotAdoptedUnderAnotherId) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const hsm::KeyInfo orphan = store->make_key(hsm::Purpose::access_token);
  ASSERT_TRUE(reconcile(*lifecycle));
  store::KeyRecord same = record_of("access_token", KeyState::active);
  same.id = hsm::to_string(hsm::random_key_id());
  same.kid = orphan.kid();
  same.state = KeyState::destroyed;
  same.revoked_why = "stolen";
  journal.records[same.id] = same;
  const auto refused = lifecycle->adopt(orphan.kid());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::hsm_key_exists);
}

TEST_F(LifecycleTest, AnIdThatNamesAnotherKeyNowIsNotEnded) {
  ASSERT_TRUE(reconcile());
  const auto old = record_of("access_token", KeyState::active);
  clock.advance(seconds(10000));
  ASSERT_TRUE(reconcile());
  clock.advance(seconds(5));
  ASSERT_TRUE(reconcile());
  ASSERT_EQ(journal.records[old.id].state, KeyState::retired);
  journal.records[old.id].kid = "the key that was";
  store->make_key(hsm::Purpose::access_token, *hsm::key_id_from(old.id));
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(keys_in_hardware(), 5U) << "a ceremony has used the id again";
  EXPECT_FALSE(troubles.empty());
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
  EXPECT_EQ(journal.records.size(), 4U);
}

TEST_F(LifecycleTest, NothingIsGeneratedWhenTheIntentCannotBeWritten) {
  journal.fail_on = KeyState::planned;
  const auto snapshot = reconcile();
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::store_failed);
  EXPECT_EQ(keys_in_hardware(), 0U);
}

TEST_F(LifecycleTest, KeysOfAnotherKeyStoreAreNoneOfItsBusiness) {
  ASSERT_TRUE(reconcile());
  store::KeyRecord other = record_of("access_token", KeyState::active);
  other.id = hsm::to_string(hsm::random_key_id());
  other.store = "second";
  journal.records[other.id] = other;
  EXPECT_TRUE(reconcile(*start())) << "a key that lives in another store is not missing here";
}

// ---- rotation ----

TEST_F(LifecycleTest, RotatesByScheduleThroughEveryStateAndVerifiersMissNoKey) {
  ASSERT_TRUE(reconcile());
  const auto old = record_of("access_token", KeyState::active);
  const auto next = record_of("access_token", KeyState::published);
  clock.advance(seconds(10000));
  auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_EQ((*snapshot)->current(hsm::Purpose::access_token, Algorithm::es256)->kid(), next.kid);
  EXPECT_NE((*snapshot)->find(old.kid, hsm::Purpose::access_token), nullptr);
  EXPECT_EQ(journal.records[old.id].state, KeyState::retiring);
  EXPECT_EQ(keys_in_hardware(), 6U);
  EXPECT_EQ(due, clock.now() + seconds(5));

  clock.advance(seconds(5));
  snapshot = reconcile();
  EXPECT_EQ(journal.records[old.id].state, KeyState::retired);
  EXPECT_EQ(keys_in_hardware(), 4U);
  EXPECT_NE((*snapshot)->find(old.kid, hsm::Purpose::access_token), nullptr)
      << "its last token is still good";

  clock.advance(seconds(359));
  EXPECT_NE((*reconcile())->find(old.kid, hsm::Purpose::access_token), nullptr);
  clock.advance(seconds(1));
  EXPECT_EQ((*reconcile())->find(old.kid, hsm::Purpose::access_token), nullptr);
  EXPECT_EQ(journal.records[old.id].state, KeyState::destroyed);
  for (const KeyState state : {KeyState::planned, KeyState::published, KeyState::active,
                               KeyState::retiring, KeyState::retired, KeyState::destroyed})
    EXPECT_NE(journal.records[old.id].at(state), Moment{}) << name_of(state);
}

TEST_F(LifecycleTest, AKeyStaysPublishedForTheLongestLifeItEverSigned) {
  ASSERT_TRUE(reconcile());
  const auto old = record_of("access_token", KeyState::active);
  EXPECT_EQ(old.longest_life, seconds(300));
  record_of("access_token", KeyState::active).longest_life = seconds(900);  // Configured before.
  clock.advance(seconds(10000));
  ASSERT_TRUE(reconcile());
  clock.advance(seconds(5));
  ASSERT_TRUE(reconcile());
  clock.advance(seconds(900 + 60 - 1));
  EXPECT_NE((*reconcile())->find(old.kid, hsm::Purpose::access_token), nullptr);
  clock.advance(seconds(1));
  EXPECT_EQ((*reconcile())->find(old.kid, hsm::Purpose::access_token), nullptr);
}

TEST_F(LifecycleTest, ALongerLifeThatIsConfiguredLaterCounts) {
  ASSERT_TRUE(reconcile());
  record_of("access_token", KeyState::active).longest_life = seconds(20);
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(record_of("access_token", KeyState::active).longest_life, seconds(300));
}

TEST_F(LifecycleTest, RotatesOnePurposeAtAnOperatorsWord) {
  clock.advance(seconds(1));
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  clock.advance(seconds(600));
  const auto old = record_of("access_token", KeyState::active);
  const auto kids = lifecycle->ask_for_rotation(hsm::Purpose::access_token);
  ASSERT_TRUE(kids);
  EXPECT_EQ(*kids, std::vector<std::string>{old.kid});
  ASSERT_TRUE(reconcile(*lifecycle));
  EXPECT_EQ(journal.records[old.id].state, KeyState::retiring);
  EXPECT_EQ(record_of("client_attestation", KeyState::active).rotation_asked_at, Moment{});
}

TEST_F(LifecycleTest, AnAskedRotationOutlivesARestartAndWaitsForTheLead) {
  const auto lifecycle = start();
  ASSERT_TRUE(reconcile(*lifecycle));
  const auto old = record_of("access_token", KeyState::active);
  ASSERT_TRUE(lifecycle->ask_for_rotation(std::nullopt));
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(journal.records[old.id].state, KeyState::active) << "verifiers cannot know the next";
  EXPECT_EQ(due, clock.now() + seconds(600));
  clock.advance(seconds(600));
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(journal.records[old.id].state, KeyState::retiring);
}

TEST_F(LifecycleTest, ThereIsNothingToRotateWhereNothingSigns) {
  const auto kids = start()->ask_for_rotation(std::nullopt);
  ASSERT_FALSE(kids);
  EXPECT_EQ(kids.error().code, Code::key_none_active);
}

TEST_F(LifecycleTest, WhenNoSuccessorCanBeMadeTheOldKeySignsOnAndTheOperatorIsTold) {
  ASSERT_TRUE(reconcile());
  for (auto& [id, record] : journal.records) {
    if (record.state == KeyState::published) record.state = KeyState::destroyed;
  }
  const auto old = record_of("access_token", KeyState::active);
  journal.fail_on = KeyState::planned;
  clock.advance(seconds(20000));
  const auto snapshot = reconcile();
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_EQ((*snapshot)->current(hsm::Purpose::access_token, Algorithm::es256)->kid(), old.kid);
  ASSERT_EQ(troubles.size(), 4U) << "of each kind: no new key, and the old one is overdue";
  EXPECT_NE(troubles[0].find("no new key for access_token ES256"), std::string::npos);
  EXPECT_NE(troubles[2].find("longer than it should"), std::string::npos);
  ASSERT_TRUE(due);
  EXPECT_LE(*due, clock.now() + seconds(60)) << "it is tried again soon";
  journal.fail_on.reset();
  EXPECT_TRUE(reconcile());
  EXPECT_TRUE(troubles.empty());
}

TEST_F(LifecycleTest, APrivateHalfThatCannotBeEndedStaysAndIsTriedAgain) {
  ASSERT_TRUE(reconcile());
  const auto old = record_of("access_token", KeyState::active);
  clock.advance(seconds(10000));
  ASSERT_TRUE(reconcile());
  journal.fail_on = KeyState::retired;
  clock.advance(seconds(5));
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(journal.records[old.id].state, KeyState::retiring);
  EXPECT_FALSE(troubles.empty());
  journal.fail_on.reset();
  ASSERT_TRUE(reconcile()) << "it was ended, and that was not written down";
  EXPECT_EQ(journal.records[old.id].state, KeyState::retired);
  EXPECT_TRUE(troubles.empty());
}

TEST_F(LifecycleTest, NothingIsEndedWhileTheFrontStillWorksByTheOldKeys) {
  ASSERT_TRUE(reconcile());
  const auto old = record_of("access_token", KeyState::active);
  clock.advance(seconds(10000));
  in_force = false;
  ASSERT_TRUE(reconcile());
  clock.advance(seconds(100));
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(journal.records[old.id].state, KeyState::retiring);
  in_force = true;
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(journal.records[old.id].state, KeyState::retired);
}

TEST_F(LifecycleTest, AKeyThatCameBackWithABackupOfTheTokenIsEndedAgain) {
  ASSERT_TRUE(reconcile());
  const auto old = record_of("access_token", KeyState::active);
  clock.advance(seconds(10000));
  ASSERT_TRUE(reconcile());
  clock.advance(seconds(5));
  ASSERT_TRUE(reconcile());
  journal.records[old.id].kid =
      store->make_key(hsm::Purpose::access_token, *hsm::key_id_from(old.id)).kid();
  ASSERT_EQ(keys_in_hardware(), 5U);
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(keys_in_hardware(), 4U);
  EXPECT_EQ(journal.records[old.id].state, KeyState::retired);
}

}  // namespace
}  // namespace mintmark::keyring
