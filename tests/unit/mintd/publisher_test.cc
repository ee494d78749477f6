// What the keeper publishes, and when the front works by it.
#include "programs/mintd/publisher.h"

#include <gtest/gtest.h>

#include "programs/mintd/clock_mark.h"
#include "support/fake_key_store.h"
#include "support/manual_clock.h"
#include "support/scratch.h"

namespace mintmark::mintd {
namespace {

using std::chrono::seconds;
using store::KeyState;

class PublisherTest : public ::testing::Test {
 protected:
  store::KeyRecord record(KeyState state) {
    const hsm::KeyInfo key = hardware.make_key(hsm::Purpose::access_token);
    store::KeyRecord record;
    record.id = hsm::to_string(key.id);
    record.store = "main";
    record.purpose = "access_token";
    record.algorithm = "ES256";
    record.kid = key.kid();
    record.public_jwk = key.public_key.to_jwk().dump();
    record.state = state;
    return record;
  }

  test::Scratch scratch;
  std::unique_ptr<store::KeyStateStore> states =
      store::open_key_state_store(scratch / "keys.db").value();
  test::FakeKeyStore hardware;
  std::vector<std::uint64_t> told;
  test::ManualClock clock;
  Publisher publisher{*states, clock, [this](const Publisher::SnapshotPtr& snapshot) {
                        told.push_back(snapshot->epoch());
                      }};
};

TEST_F(PublisherTest, SaysNothingBeforeThereIsAKey) {
  ASSERT_TRUE(publisher.refresh());
  EXPECT_EQ(publisher.snapshot(), nullptr);
  EXPECT_TRUE(told.empty());
}

TEST_F(PublisherTest, TellsOfEachChangeOnce) {
  store::KeyRecord key = record(KeyState::published);
  ASSERT_TRUE(states->put(key));
  ASSERT_TRUE(publisher.refresh());
  ASSERT_TRUE(publisher.refresh());
  EXPECT_EQ(told, std::vector<std::uint64_t>{1});
  key.state = KeyState::active;
  ASSERT_TRUE(states->put(key));
  ASSERT_TRUE(publisher.refresh());
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2}));
  key.rotation_asked_at = from_unix(1);
  ASSERT_TRUE(states->put(key));
  ASSERT_TRUE(publisher.refresh());
  EXPECT_EQ(told.size(), 2U) << "that is nobody's business";
}

TEST_F(PublisherTest, TheLastKeyIsTakenBackToo) {
  store::KeyRecord key = record(KeyState::active);
  ASSERT_TRUE(states->put(key));
  ASSERT_TRUE(publisher.refresh());
  key.revoked_why = "stolen";
  key.state = KeyState::retiring;
  ASSERT_TRUE(states->put(key));
  ASSERT_TRUE(publisher.refresh());
  EXPECT_TRUE(publisher.snapshot()->keys().empty());
  EXPECT_EQ(told.size(), 2U);
}

// Services are told of it, and the front alone can tell them.
TEST_F(PublisherTest, AKeyThatIsPublishedNoMoreAndIsRevokedThenIsTold) {
  ASSERT_TRUE(states->put(record(KeyState::active)));
  store::KeyRecord old = record(KeyState::destroyed);
  ASSERT_TRUE(states->put(old));
  ASSERT_TRUE(publisher.refresh());
  ASSERT_EQ(told.size(), 1U);
  old.revoked_why = "a copy was found";
  ASSERT_TRUE(states->put(old));
  ASSERT_TRUE(publisher.refresh());
  EXPECT_EQ(told.size(), 2U);
  ASSERT_TRUE(publisher.refresh());
  EXPECT_EQ(told.size(), 2U) << "once";
}

TEST_F(PublisherTest, ARecordThatCannotBeReadLeavesWhatWasThere) {
  ASSERT_TRUE(states->put(record(KeyState::active)));
  ASSERT_TRUE(publisher.refresh());
  store::KeyRecord broken = record(KeyState::published);
  broken.public_jwk = "{";
  ASSERT_TRUE(states->put(broken));
  const auto refused = publisher.refresh();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_failed);
  EXPECT_EQ(publisher.snapshot()->keys().size(), 1U);
  EXPECT_TRUE(publisher.stale());
  EXPECT_FALSE(publisher.in_force()) << "what was changed is not out";
  broken.state = KeyState::destroyed;
  ASSERT_TRUE(states->put(broken));
  ASSERT_TRUE(publisher.refresh());
  EXPECT_TRUE(publisher.in_force());
}

TEST_F(PublisherTest, KnowsSinceWhenItIsInForceAndHowLongTheFrontOwesItsWord) {
  ASSERT_TRUE(states->put(record(KeyState::active)));
  ASSERT_TRUE(publisher.refresh());
  EXPECT_EQ(publisher.owed_for().count(), 0);
  publisher.front_started();
  EXPECT_FALSE(publisher.in_force_since());
  EXPECT_GT(publisher.owed_for().count(), 0);
  clock.advance(seconds(7));
  publisher.front_took(1U << 30U);
  EXPECT_FALSE(publisher.in_force()) << "no front knows what is to come";
  publisher.front_took(1);
  EXPECT_EQ(publisher.in_force_since(), clock.now());
  EXPECT_EQ(publisher.owed_for().count(), 0);
}

TEST_F(PublisherTest, IsInForceWhereThereIsNoFrontAndElseWhenTheFrontSaysSo) {
  ASSERT_TRUE(states->put(record(KeyState::active)));
  ASSERT_TRUE(publisher.refresh());
  EXPECT_TRUE(publisher.in_force());
  publisher.front_started();
  EXPECT_FALSE(publisher.in_force());
  bool told_so = false;
  publisher.when_in_force([&] { told_so = true; });
  publisher.front_took(0);
  EXPECT_FALSE(told_so);
  publisher.front_took(1);
  EXPECT_TRUE(told_so);
  EXPECT_TRUE(publisher.in_force());

  ASSERT_TRUE(states->put(record(KeyState::published)));
  ASSERT_TRUE(publisher.refresh());
  EXPECT_FALSE(publisher.in_force()) << "it works by the one before";
  publisher.front_gone();
  EXPECT_TRUE(publisher.in_force());
  publisher.front_started();
  EXPECT_FALSE(publisher.in_force()) << "another front has to say it again";
}

TEST_F(PublisherTest, ThoseWhoWaitForAFrontThatDiesAreToldThatNobodySignsByTheOld) {
  ASSERT_TRUE(states->put(record(KeyState::active)));
  ASSERT_TRUE(publisher.refresh());
  publisher.front_started();
  bool told_so = false;
  publisher.when_in_force([&] { told_so = true; });
  EXPECT_FALSE(told_so);
  publisher.front_gone();
  EXPECT_TRUE(told_so);
}

class ClockMarkTest : public PublisherTest {};

TEST_F(ClockMarkTest, IsOnDiskToTenSeconds) {
  ClockMark mark(*states, clock);
  ASSERT_TRUE(mark.load());
  ASSERT_TRUE(mark.tick());
  const Moment first = clock.now();
  EXPECT_EQ(states->clock_mark().value(), first);
  clock.advance(seconds(9));
  ASSERT_TRUE(mark.tick());
  EXPECT_EQ(states->clock_mark().value(), first);
  EXPECT_EQ(mark.mark(), clock.now());
  clock.advance(seconds(1));
  ASSERT_TRUE(mark.tick());
  EXPECT_EQ(states->clock_mark().value(), clock.now());
}

TEST_F(ClockMarkTest, StaysWhereAClockThatGoesBackLeftItAndSaysHowFar) {
  ClockMark before(*states, clock);
  ASSERT_TRUE(before.tick());
  clock.set(clock.now() - seconds(3600));
  ClockMark mark(*states, clock);
  ASSERT_TRUE(mark.load());
  ASSERT_TRUE(mark.tick());
  EXPECT_EQ(mark.behind(), seconds(3600));
  ASSERT_TRUE(mark.accept_present());
  EXPECT_EQ(mark.behind(), seconds(0));
  EXPECT_EQ(states->clock_mark().value(), clock.now());
}

TEST_F(ClockMarkTest, AsAClockGoesForwardOnly) {
  ClockMark mark(*states, clock);
  ASSERT_TRUE(mark.tick());
  const Moment latest = clock.now();
  clock.set(latest - seconds(100));
  EXPECT_EQ(mark.now(), latest);
  clock.set(latest + seconds(1));
  EXPECT_EQ(mark.now(), latest + seconds(1));
}

TEST_F(ClockMarkTest, AcceptedTakesTheKeysMomentsBackWithIt) {
  clock.advance(seconds(86400));  // Ahead for a while.
  store::KeyRecord key = record(KeyState::active);
  key.become(KeyState::active, clock.now());
  key.rotation_asked_at = clock.now();
  ASSERT_TRUE(states->put(key));
  ClockMark mark(*states, clock);
  ASSERT_TRUE(mark.tick());
  clock.set(clock.now() - seconds(86400));
  ASSERT_TRUE(mark.accept_present());
  const auto after = states->list().value()[0];
  EXPECT_EQ(after.at(KeyState::active), clock.now());
  EXPECT_EQ(after.rotation_asked_at, clock.now());
  EXPECT_EQ(mark.now(), clock.now());
}

}  // namespace
}  // namespace mintmark::mintd
