// What each kind of revocation meets and says, and that it says nothing twice; the live tokens that
// it meets.
#include "revoke/revoker.h"

#include <gtest/gtest.h>

#include "support/ledger_in_memory.h"
#include "support/manual_clock.h"

namespace mintmark::revoke {
namespace {

using Verdict = verify::RevokedSet::Verdict;
using What = Revocation::What;
constexpr std::chrono::seconds second{1};

class RevokerTest : public testing::Test {
 protected:
  struct Facts {
    std::string device = "device-1";
    std::string kid = "kid-1";
    std::string rule = "sensors";
    bool ends_with_evidence = false;
  };
  /// Issued now; named "jti-N".
  audit::Issued put(const Facts& facts) {
    const auto place = ledger_.statuses.next(clock_.now()).value();
    const audit::Issued token{.jti = "jti-" + std::to_string(place.index),
                              .device = facts.device,
                              .audience = "https://api.example",
                              .kid = facts.kid,
                              .rule = facts.rule,
                              .issued_at = clock_.now(),
                              .expires_at = clock_.now() + 300 * second,
                              .list = place.list,
                              .index = place.index,
                              .ends_with_evidence = facts.ends_with_evidence};
    ledger_.live.put(token);
    return token;
  }
  audit::Issued put() { return put(Facts{}); }
  Result<Outcome> revoke(const Revocation& what) {
    Result<Outcome> outcome = fail(Code::internal, "it was not told");
    ledger_.revoker.revoke(what, [&](Result<Outcome> told) { outcome = std::move(told); });
    return outcome;
  }
  void expect_outcome(const Revocation& what, std::size_t live, std::uint64_t seq) {
    const auto outcome = revoke(what);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    EXPECT_EQ(outcome->live, live);
    EXPECT_EQ(outcome->seq, seq);
  }
  void expect_refused(const Revocation& what, Code code) {
    const auto outcome = revoke(what);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, code);
    const auto tried = ledger_.revoker.dry_run(what);
    ASSERT_FALSE(tried);
    EXPECT_EQ(tried.error().code, code);
    EXPECT_TRUE(ledger_.events.said().empty());
  }
  bool is_good(const audit::Issued& token) {
    const bool by_events = ledger_.events.judge(revocable(token)) == Verdict::good;
    const bool by_list = ledger_.statuses.of(token.index) == Status::valid;
    EXPECT_EQ(by_events, by_list) << "of " << token.jti;
    return by_events && by_list;
  }
  Json said(std::size_t number = 0) { return ledger_.events.said().at(number); }

  test::ManualClock clock_;
  std::vector<Moment> floors_;
  unsigned waits_ = 0;
  test::LedgerInMemory ledger_{clock_, [this](Moment floor) { floors_.push_back(floor); },
                               [this] { ++waits_; }};
};

TEST_F(RevokerTest, ATokenIsRevokedByItsJtiAlone) {
  const auto one = put();
  const auto other = put();
  expect_outcome({.what = What::token, .name = one.jti}, 1, 1);
  EXPECT_FALSE(is_good(one));
  EXPECT_TRUE(is_good(other));
  EXPECT_EQ(said(), (Json{{"type", "token"},
                          {"jti", one.jti},
                          {"sub", "device-1"},
                          {"until", to_unix(one.expires_at)}}));
}

TEST_F(RevokerTest, ASecondTimeThereIsNothingToSay) {
  const auto one = put({.ends_with_evidence = true});
  const Moment later = clock_.now() + second;
  const std::vector<Revocation> all = {
      {.what = What::token, .name = one.jti},  {.what = What::evidence, .name = "device-1"},
      {.what = What::rule, .name = "sensors"}, {.what = What::device, .name = "device-1"},
      {.what = What::key, .name = "kid-1"},    {.what = What::issued_before, .before = later}};
  expect_outcome(all[0], 1, 1);
  expect_outcome(all[0], 0, 0);
  expect_outcome(all[1], 0, 0);
  expect_outcome(all[2], 0, 0);
  for (std::uint64_t i = 3; i < all.size(); ++i) {
    // It meets none, and speaks of what is not known yet.
    expect_outcome(all[i], 0, i - 1);
    expect_outcome(all[i], 0, 0);
  }
}

TEST_F(RevokerTest, RefusesATokenThatIsNoneOfOursOrOver) {
  const auto one = put();
  expect_refused({.what = What::token, .name = "jti-of-somebody"}, Code::revoked_token_unknown);
  clock_.advance(301 * second);
  ledger_.live.forget(clock_.now());
  expect_refused({.what = What::token, .name = one.jti}, Code::revoked_token_unknown);
}

TEST_F(RevokerTest, RefusesWhatNamesNothing) {
  expect_refused({.what = What::device, .name = ""}, Code::revocation_malformed);
  expect_refused({.what = What::rule, .name = std::string(1025, 'x')}, Code::revocation_malformed);
  expect_refused({.what = What::issued_before}, Code::revocation_malformed);
}

TEST_F(RevokerTest, RefusesAMomentThatLiesAhead) {
  expect_refused({.what = What::issued_before, .before = clock_.now() + 2 * second},
                 Code::revocation_malformed);
  EXPECT_TRUE(floors_.empty());
}

TEST_F(RevokerTest, ADevicesTokensAreRevokedAndNobodyElses) {
  const auto one = put();
  const auto two = put();
  const auto other = put({.device = "device-2"});
  expect_outcome({.what = What::device, .name = "device-1"}, 2, 1);
  EXPECT_FALSE(is_good(one));
  EXPECT_FALSE(is_good(two));
  EXPECT_TRUE(is_good(other));
  const std::int64_t cut = to_unix(clock_.now()) + 1;
  EXPECT_EQ(said(),
            (Json{{"type", "device"}, {"sub", "device-1"}, {"before", cut}, {"until", cut + 300}}));
  EXPECT_EQ(floors_, std::vector<Moment>{from_unix(cut)});
}

TEST_F(RevokerTest, ADevicesTokenThatIsAheadOfTheClockIsMeantToo) {
  const auto one = put();
  clock_.advance(-2 * second);
  expect_outcome({.what = What::device, .name = "device-1"}, 1, 1);
  EXPECT_FALSE(is_good(one));
  EXPECT_EQ(said()["before"], to_unix(one.issued_at) + 1);
  EXPECT_EQ(floors_, std::vector<Moment>{clock_.now() + second}) << "others do not wait for it";
}

TEST_F(RevokerTest, WhatADeviceGetsAfterwardsIsGood) {
  (void)put();
  expect_outcome({.what = What::device, .name = "device-1"}, 1, 1);
  clock_.advance(second);
  EXPECT_TRUE(is_good(put()));
}

// Between the store's row and the event the power may fail: at start it is asked for again.
TEST_F(RevokerTest, ADeviceThatWasRevokedLongAgoIsSaidOnceAndNotAfterItsTokensLives) {
  const Moment cut = clock_.now() + second;
  expect_outcome({.what = What::device, .name = "device-1", .before = cut}, 0, 1);
  clock_.advance(200 * second);
  expect_outcome({.what = What::device, .name = "device-1", .before = cut}, 0, 0);
  clock_.advance(200 * second);
  expect_outcome({.what = What::device, .name = "device-3", .before = cut}, 0, 0);
}

TEST_F(RevokerTest, EvidenceTakesThoseWithItThatEndWithIt) {
  const auto strict = put({.ends_with_evidence = true});
  const auto lax = put();
  const auto other = put({.device = "device-2", .ends_with_evidence = true});
  expect_outcome({.what = What::evidence, .name = "device-1"}, 1, 1);
  EXPECT_FALSE(is_good(strict));
  EXPECT_TRUE(is_good(lax));
  EXPECT_TRUE(is_good(other));
}

TEST_F(RevokerTest, AKeyTakesAllWithItThatItSigned) {
  const auto one = put();
  const auto other = put({.kid = "kid-2"});
  expect_outcome({.what = What::key, .name = "kid-1"}, 1, 1);
  EXPECT_FALSE(is_good(one));
  EXPECT_TRUE(is_good(other));
  // Whoever stole it signs with it long after.
  EXPECT_EQ(said()["until"], to_unix(clock_.now() + Revoker::key_kept));
}

TEST_F(RevokerTest, ARuleTakesAllWithItThatItGranted) {
  const auto one = put();
  const auto other = put({.rule = "gateways"});
  const std::uint64_t epoch = ledger_.revoker.epoch();
  expect_outcome({.what = What::rule, .name = "sensors"}, 1, 1);
  EXPECT_FALSE(is_good(one));
  EXPECT_TRUE(is_good(other));
  EXPECT_GT(ledger_.revoker.epoch(), epoch) << "what was decided before is decided again";
  EXPECT_EQ(waits_, 1U);
}

TEST_F(RevokerTest, TokensWithNothingInCommonAreNamedAtMost256AtOnce) {
  for (int i = 0; i < 600; ++i) (void)put();
  expect_outcome({.what = What::rule, .name = "sensors"}, 600, 3);
  EXPECT_EQ(said(0)["jtis"].size(), 256U);
  EXPECT_EQ(said(2)["jtis"].size(), 88U);
}

TEST_F(RevokerTest, AMomentTakesAllWithItThatWasIssuedBefore) {
  const auto old = put();
  clock_.advance(10 * second);
  const auto young = put();
  expect_outcome({.what = What::issued_before, .before = clock_.now()}, 1, 1);
  EXPECT_FALSE(is_good(old));
  EXPECT_TRUE(is_good(young)) << "the moment itself is not before";
  EXPECT_EQ(floors_, std::vector<Moment>{clock_.now()});
}

TEST_F(RevokerTest, ADryRunCountsAndChangesNothing) {
  const auto one = put();
  const auto tried = ledger_.revoker.dry_run({.what = What::device, .name = "device-1"});
  ASSERT_TRUE(tried);
  EXPECT_EQ(tried->live, 1U);
  EXPECT_EQ(tried->seq, 0U);
  EXPECT_TRUE(is_good(one));
  EXPECT_TRUE(ledger_.events.said().empty());
  EXPECT_TRUE(floors_.empty());
}

TEST_F(RevokerTest, SaysWhenTheEventIsNotOnDiskAndRevokesNothing) {
  const auto one = put();
  ledger_.events.start_failing();
  const auto outcome = revoke({.what = What::token, .name = one.jti});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::revocation_failed);
  EXPECT_TRUE(is_good(one));
}

TEST_F(RevokerTest, TokensThatHaveEndedAreNotCounted) {
  (void)put();
  clock_.advance(300 * second);
  EXPECT_EQ(ledger_.revoker.dry_run({.what = What::device, .name = "device-1"})->live, 0U);
}

TEST_F(RevokerTest, AtStartTheListsSayWhatTheEventsSay) {
  const auto one = put();
  const auto other = put({.device = "device-2"});
  expect_outcome({.what = What::device, .name = "device-1"}, 1, 1);
  test::IndexesInMemory fresh;
  fresh.restore({1, other.index}, other.expires_at);
  restore_statuses(ledger_.live, ledger_.events, fresh);
  EXPECT_EQ(fresh.of(one.index), Status::invalid);
  EXPECT_EQ(fresh.of(other.index), Status::valid);
}

TEST_F(RevokerTest, LiveTokensAreFoundByJtiAndDeviceUntilTheyEnd) {
  const auto one = put();
  const auto two = put({.ends_with_evidence = true});
  ledger_.live.put(two);  // A second time is none.
  EXPECT_EQ(ledger_.live.size(), 2U);
  const auto found = ledger_.live.find(two.jti);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->device, two.device);
  EXPECT_EQ(found->audience, two.audience);
  EXPECT_EQ(found->kid, two.kid);
  EXPECT_EQ(found->rule, two.rule);
  EXPECT_EQ(found->expires_at, two.expires_at);
  EXPECT_EQ(found->index, two.index);
  EXPECT_TRUE(found->ends_with_evidence);
  EXPECT_EQ(ledger_.live.of_device("device-1").size(), 2U);
  EXPECT_TRUE(ledger_.live.of_device("device-9").empty());
  EXPECT_FALSE(ledger_.live.find("jti-of-somebody"));
  ledger_.live.forget(one.expires_at);
  EXPECT_EQ(ledger_.live.size(), 2U) << "it ends then, not before";
  ledger_.live.forget(one.expires_at + second);
  EXPECT_EQ(ledger_.live.size(), 0U);
  EXPECT_FALSE(ledger_.live.find(one.jti));
  EXPECT_TRUE(ledger_.live.of_device("device-1").empty());
}

}  // namespace
}  // namespace mintmark::revoke
