// What two attestations by one TPM say of the time between them.
#include <gtest/gtest.h>

#include "attest/facts.h"

namespace mintmark::attest {
namespace {

Facts at(std::uint32_t resets, std::uint32_t restarts, std::uint64_t clock) {
  Facts facts;
  facts.ak = "000bab";
  facts.reset_count = resets;
  facts.restart_count = restarts;
  facts.clock = clock;
  return facts;
}

TEST(Passage, WithoutResetOrRestartIsOneBoot) {
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 3, 100)), Passage::same_boot);
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 3, 101)), Passage::same_boot);
}

TEST(Passage, OverAResetOrARestartIsAReboot) {
  EXPECT_EQ(passage_between(at(7, 3, 100), at(8, 3, 1)), Passage::rebooted);
  EXPECT_EQ(passage_between(at(7, 3, 100), at(8, 0, 1)), Passage::rebooted)
      << "a reset begins the restarts anew";
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 4, 1)), Passage::rebooted);
}

TEST(Passage, IsSeenAcrossTheEndOfAShiftedCounter) {
  EXPECT_EQ(passage_between(at(0xFFFFFFFF, 3, 1), at(0, 3, 1)), Passage::rebooted);
  EXPECT_EQ(passage_between(at(0, 3, 1), at(0xFFFFFFFF, 3, 1)), Passage::went_back);
  EXPECT_EQ(passage_between(at(5, 0xFFFFFFFF, 1), at(5, 1, 1)), Passage::rebooted);
}

TEST(Passage, OfNoGenuineTpmGoesBack) {
  EXPECT_EQ(passage_between(at(7, 3, 100), at(6, 9, 900)), Passage::went_back);
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 2, 900)), Passage::went_back);
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 3, 99)), Passage::went_back);
}

TEST(Passage, UnderAnotherKeyTellsNothing) {
  Facts other = at(1, 1, 1);
  other.ak = "000bcd";
  EXPECT_EQ(passage_between(at(7, 3, 100), other), Passage::unknown);
  EXPECT_EQ(passage_between(Facts{}, Facts{}), Passage::unknown);
}

TEST(Passage, IsKeptInFactsThatGoThroughJson) {
  Facts facts = at(7, 3, 1ULL << 50U);
  facts.format = "tpm2";
  facts.key_protection = "hardware";
  facts.clock_safe = true;
  facts.reboot_seen = 1'800'000'000;
  const auto again = facts_from_json(to_json(facts));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->ak, facts.ak);
  EXPECT_EQ(again->clock, facts.clock);
  EXPECT_TRUE(again->clock_safe);
  EXPECT_EQ(again->reboot_seen, facts.reboot_seen);
}

}  // namespace
}  // namespace mintmark::attest
