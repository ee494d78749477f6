#include "keyring/left_store.h"

#include <gtest/gtest.h>

namespace mintmark::keyring {
namespace {

using std::chrono::seconds;
using store::KeyState;

const Moment start = from_unix(1'800'000'000);

std::vector<store::KeyRecord> left(KeyState state, seconds after,
                                   const std::set<std::string>& configured = {"new"}) {
  store::KeyRecord record;
  record.id = "a";
  record.store = "old";
  record.longest_life = seconds(300);
  record.become(KeyState::retiring, start);
  record.become(state, start);
  return leave_behind({record}, configured, seconds(60), start + after);
}

TEST(LeftStore, KeysOfAStoreThatIsConfiguredStayAsTheyAre) {
  EXPECT_TRUE(left(KeyState::active, seconds(0), {"old", "new"}).empty());
}

TEST(LeftStore, WhatSignedOrWasToSignRetires) {
  for (const KeyState state : {KeyState::active, KeyState::published, KeyState::retiring}) {
    const auto moved = left(state, seconds(10));
    ASSERT_EQ(moved.size(), 1U) << name_of(state);
    EXPECT_EQ(moved[0].state, KeyState::retired);
    EXPECT_TRUE(is_published(moved[0])) << "what it signed is good";
  }
}

TEST(LeftStore, WhatHasRetiredIsPublishedUntilItsLastTokenHasEnded) {
  EXPECT_TRUE(left(KeyState::retired, seconds(359)).empty());
  const auto moved = left(KeyState::retired, seconds(360));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, KeyState::destroyed);
}

TEST(LeftStore, AnIntentEndsAndWhatHasEndedStays) {
  EXPECT_EQ(left(KeyState::planned, seconds(0)).at(0).state, KeyState::destroyed);
  EXPECT_TRUE(left(KeyState::destroyed, seconds(9999)).empty());
}

}  // namespace
}  // namespace mintmark::keyring
