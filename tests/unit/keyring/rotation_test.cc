// What is to be done about keys, from their records alone.
#include "keyring/rotation.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace mintmark::keyring {
namespace {

using store::KeyRecord;
using store::KeyState;
using Act = RotationStep::Act;
using std::chrono::seconds;

const KeyKind tokens{hsm::Purpose::access_token, jose::Algorithm::es256};
const Moment start = from_unix(1'800'000'000);

class Rotation : public ::testing::Test {
 protected:
  Rotation() {
    plan.wanted = {tokens};
    plan.period = seconds(1000);
    plan.lead = seconds(100);
    plan.drain = seconds(5);
    plan.skew = seconds(60);
    plan.longest_life = {{hsm::Purpose::access_token, seconds(300)}};
  }

  /// In that state since the start.
  KeyRecord& key(const std::string& id, KeyState state) {
    KeyRecord record;
    record.id = record.kid = id;
    record.store = "main";
    record.purpose = "access_token";
    record.algorithm = "ES256";
    record.longest_life = seconds(300);
    record.become(KeyState::published, start);
    record.become(state, start);
    records.push_back(record);
    return records.back();
  }

  RotationOutlook look(seconds after = {}) {
    view.now = start + after;
    view.usable = [this](const KeyRecord& record) { return record.id != unusable; };
    view.covered = [this](const KeyRecord& record) { return record.id == covered; };
    return look_ahead(records, plan, view);
  }
  std::vector<std::pair<Act, std::string>> steps(seconds after = {}) {
    std::vector<std::pair<Act, std::string>> all;
    for (const RotationStep& step : look(after).steps) all.emplace_back(step.act, step.id);
    return all;
  }
  using Steps = std::vector<std::pair<Act, std::string>>;

  RotationPlan plan;
  RotationView view{.now = start,
                    .usable = {},
                    .consistent = true,
                    .in_force_since = Moment{},
                    .elsewhere = [this](const KeyKind&) { return elsewhere; },
                    .covered = {}};
  bool elsewhere = false;
  std::vector<KeyRecord> records;
  std::string unusable;
  std::string covered;
};

TEST_F(Rotation, MakesTheFirstKey) { EXPECT_EQ(steps(), (Steps{{Act::generate, ""}})); }

TEST_F(Rotation, LetsTheFirstKeySignAtOnce) {
  key("a", KeyState::published);
  EXPECT_EQ(steps(), (Steps{{Act::activate, "a"}}));
}

TEST_F(Rotation, KeepsOneKeyAhead) {
  key("a", KeyState::active);
  EXPECT_EQ(steps(), (Steps{{Act::generate, ""}}));
  key("b", KeyState::published);
  EXPECT_EQ(steps(), Steps{});
}

TEST_F(Rotation, LetsTheSuccessorSignWhenThePeriodIsOverAndNotASecondBefore) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  EXPECT_EQ(steps(seconds(999)), Steps{});
  EXPECT_EQ(look(seconds(999)).due, start + seconds(1000));
  EXPECT_EQ(steps(seconds(1000)), (Steps{{Act::activate, "b"}}));
}

TEST_F(Rotation, ASuccessorThatVerifiersCannotKnowYetDoesNotSign) {
  key("a", KeyState::active);
  key("b", KeyState::published).become(KeyState::published, start + seconds(990));
  EXPECT_EQ(steps(seconds(1089)), Steps{});
  EXPECT_EQ(look(seconds(1089)).due, start + seconds(1090));
  EXPECT_EQ(steps(seconds(1090)), (Steps{{Act::activate, "b"}}));
}

TEST_F(Rotation, AnOperatorsWordMovesTheScheduleButNotTheLead) {
  key("a", KeyState::active).rotation_asked_at = start + seconds(10);
  key("b", KeyState::published);
  EXPECT_EQ(steps(seconds(99)), Steps{});
  EXPECT_EQ(steps(seconds(100)), (Steps{{Act::activate, "b"}}));
}

TEST_F(Rotation, EachPurposeHasItsOwnPeriod) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  plan.period_of[hsm::Purpose::access_token] = seconds(200);
  EXPECT_EQ(steps(seconds(199)), Steps{});
  EXPECT_EQ(steps(seconds(200)), (Steps{{Act::activate, "b"}}));
}

TEST_F(Rotation, ASuccessorThatTheHardwareDoesNotShowDoesNotSignAndNoOtherIsMade) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  unusable = "b";
  EXPECT_EQ(steps(seconds(5000)), Steps{});
}

TEST_F(Rotation, WhereNothingSignsAnotherKeyIsMadeBesideOneThatMayNot) {
  key("b", KeyState::published);
  unusable = "b";
  EXPECT_EQ(steps(), (Steps{{Act::generate, ""}}));
}

TEST_F(Rotation, NothingIsMadeOrEndedAfterALookUpThatLackedSomething) {
  key("a", KeyState::active);
  key("c", KeyState::retiring);
  view.consistent = false;
  EXPECT_EQ(steps(seconds(300)), Steps{});
}

TEST_F(Rotation, WithoutTheRightToGenerateNothingIsMade) {
  plan.generate = false;
  EXPECT_EQ(steps(), Steps{});
  key("a", KeyState::active);
  EXPECT_EQ(steps(seconds(5000)), Steps{}) << "and the old key signs on";
}

TEST_F(Rotation, APrivateHalfEndsWhenAllThatWasAskedOfItIsOver) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  key("c", KeyState::retiring);
  EXPECT_EQ(steps(seconds(4)), Steps{});
  EXPECT_EQ(look(seconds(4)).due, start + seconds(5));
  EXPECT_EQ(steps(seconds(5)), (Steps{{Act::end, "c"}}));
}

TEST_F(Rotation, NoPrivateHalfEndsWhileTheFrontMayStillSignWithIt) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  key("c", KeyState::retiring);
  view.in_force_since.reset();
  EXPECT_EQ(steps(seconds(50)), Steps{});
  EXPECT_EQ(look(seconds(50)).due, start + seconds(51)) << "it is looked at again";
  view.in_force_since = start + seconds(50);
  EXPECT_EQ(steps(seconds(54)), Steps{}) << "what was asked just before may be under way";
  EXPECT_EQ(steps(seconds(55)), (Steps{{Act::end, "c"}}));
}

TEST_F(Rotation, AKeyThatCannotBeEndedIsPublishedNoLongerForThat) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  key("c", KeyState::retiring);
  EXPECT_EQ(steps(seconds(360)), (Steps{{Act::end, "c"}, {Act::forget, "c"}}));
}

TEST_F(Rotation, TheFirstKeyOfAnotherStoreWaitsUntilVerifiersMayKnowIt) {
  key("a", KeyState::published);
  elsewhere = true;
  EXPECT_EQ(steps(seconds(99)), Steps{});
  EXPECT_EQ(look(seconds(99)).due, start + seconds(100));
  EXPECT_EQ(steps(seconds(100)), (Steps{{Act::activate, "a"}}));
  elsewhere = false;
  EXPECT_EQ(steps(), (Steps{{Act::activate, "a"}}))
      << "where nothing else signs nobody is served by waiting";
}

TEST_F(Rotation, AKeyThatSignsLongerThanItShouldIsNamed) {
  plan.generate = false;
  key("a", KeyState::active);
  EXPECT_TRUE(look(seconds(999)).overdue.empty());
  EXPECT_EQ(look(seconds(1000)).overdue, std::vector<KeyKind>{tokens});
  EXPECT_EQ(forecast(records[0], records, plan)->at, start + seconds(1000));
  key("b", KeyState::published);
  EXPECT_TRUE(look(seconds(1000)).overdue.empty());
}

TEST_F(Rotation, WhatWasTakenBackEndsBesideKeysThatAreMissingToo) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  key("c", KeyState::retiring).revoked_why = "stolen";
  view.consistent = false;
  EXPECT_EQ(steps(), (Steps{{Act::end, "c"}}));
  unusable = "c";
  EXPECT_EQ(steps(), Steps{}) << "but not on a look that does not show it";
}

TEST_F(Rotation, WhatWasTakenBackEndsAtOnce) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  key("c", KeyState::retiring).revoked_why = "stolen";
  view.in_force_since.reset();
  EXPECT_EQ(steps(), (Steps{{Act::end, "c"}}));
}

TEST_F(Rotation, AKeyIsPublishedUntilItsLastTokenHasEndedForEveryClock) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  key("c", KeyState::retired).become(KeyState::retiring, start - seconds(5));
  records.back().state = KeyState::retired;
  EXPECT_EQ(steps(seconds(359)), Steps{});
  EXPECT_EQ(look(seconds(359)).due, start + seconds(360));
  EXPECT_EQ(steps(seconds(360)), (Steps{{Act::forget, "c"}}));
}

TEST_F(Rotation, AKindThatIsNotWantedSignsOnForItsPeriodAndHasNoSuccessor) {
  plan.wanted = {};
  key("a", KeyState::active);
  EXPECT_EQ(steps(seconds(999)), Steps{});
  EXPECT_EQ(steps(seconds(1000)), (Steps{{Act::retire, "a"}}));
}

TEST_F(Rotation, WaitsForVerifiersUpToTheDeadline) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  plan.wait_for_verifiers = seconds(50);
  EXPECT_EQ(steps(seconds(1049)), Steps{});
  EXPECT_EQ(steps(seconds(1050)), (Steps{{Act::activate, "b"}}));
  covered = "b";
  EXPECT_EQ(steps(seconds(1000)), (Steps{{Act::activate, "b"}}));
  EXPECT_EQ(steps(seconds(999)), Steps{}) << "never earlier than without them";
}

TEST_F(Rotation, RecordsOfANewerProgramAreLeftAlone) {
  key("a", KeyState::active).algorithm = "ML-DSA-65";
  EXPECT_EQ(steps(seconds(5000)), (Steps{{Act::generate, ""}}));
}

TEST_F(Rotation, ForecastsWhatComesNext) {
  key("a", KeyState::active);
  key("b", KeyState::published);
  key("c", KeyState::retiring);
  const auto of = [&](std::size_t i) { return *forecast(records[i], records, plan); };
  EXPECT_EQ(of(0).next, KeyState::retiring);
  EXPECT_EQ(of(0).at, start + seconds(1000));
  EXPECT_EQ(of(1).next, KeyState::active);
  EXPECT_EQ(of(1).at, start + seconds(1000));
  EXPECT_EQ(of(2).next, KeyState::retired);
  EXPECT_EQ(of(2).at, start + seconds(5));
  records[2].state = KeyState::retired;
  EXPECT_EQ(of(2).next, KeyState::destroyed);
  EXPECT_EQ(of(2).at, start + seconds(360));
  records[2].state = KeyState::destroyed;
  EXPECT_FALSE(forecast(records[2], records, plan));
}

TEST_F(Rotation, PublishesWhatVerifiersMayMeetAndNothingThatWasTakenBack) {
  for (const KeyState state :
       {KeyState::published, KeyState::active, KeyState::retiring, KeyState::retired}) {
    EXPECT_TRUE(is_published(key("a", state))) << name_of(state);
    records.back().revoked_why = "stolen";
    EXPECT_FALSE(is_published(records.back())) << name_of(state);
  }
  EXPECT_FALSE(is_published(key("p", KeyState::planned)));
  EXPECT_FALSE(is_published(key("d", KeyState::destroyed)));
}

}  // namespace
}  // namespace mintmark::keyring
