#include "verify/followed_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "jose/base64url.h"

namespace mintmark::verify {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using clock = FollowedLog::clock;

const Moment now = from_unix(1'800'000'000);
const clock::time_point start{std::chrono::hours(5)};
constexpr std::int64_t start_ms = 1'800'000'000'000;

// The issuer's side: what it would send.
class Issuer {
 public:
  explicit Issuer(std::string log = "log-1") : log_(std::move(log)), head_(empty_head(log_)) {}

  std::string entry(Json json) {
    json["seq"] = ++seq_;
    json["until"] = to_unix(now) + 600;
    std::string text = json.dump();
    head_ = next_head(head_, text);
    return text;
  }
  std::string revoke(const std::string& jti) { return entry({{"type", "token"}, {"jti", jti}}); }
  [[nodiscard]] Frontier frontier(milliseconds after = {}) const {
    Frontier frontier;
    frontier.log = log_;
    frontier.seq = seq_;
    frontier.head = head_;
    frontier.ms = start_ms + after.count();
    return frontier;
  }
  [[nodiscard]] std::string snapshot(const RevokedSet& revoked = {}) const {
    return Json{{"log", log_}, {"seq", seq_}, {"revoked", revoked.to_json()}}.dump();
  }

 private:
  std::string log_;
  std::uint64_t seq_ = 0;
  Sha256 head_;
};

Frontier committing_to(Frontier frontier, const std::string& text) {
  frontier.snapshot = jose::base64url(sha256(text));
  return frontier;
}

class Following : public testing::Test {
 protected:
  void SetUp() override { load(issuer_); }

  void load(const Issuer& issuer) {
    const std::string text = issuer.snapshot();
    ASSERT_TRUE(log_.load(text, committing_to(issuer.frontier(), text)));
    log_.connecting(start);
  }
  void expect(const std::string& jti, const char* wanted, clock::time_point at = start) const {
    const auto judged = log_.judge({.jti = jti, .subject = "d", .kid = "k", .issued_at = now}, at);
    EXPECT_EQ(judged ? "good" : facts_of(judged.error().code).name, wanted) << jti;
  }
  void take(const std::string& entry) {
    const auto taken = log_.take_entry(entry);
    ASSERT_TRUE(taken) << taken.error().to_string();
  }
  void take(const Frontier& frontier, clock::time_point at = start) {
    const auto taken = log_.take_frontier(frontier, at, now);
    ASSERT_TRUE(taken) << taken.error().to_string();
  }
  void refuse(const std::string& entry, Code code) {
    const auto taken = log_.take_entry(entry);
    ASSERT_FALSE(taken) << entry;
    EXPECT_EQ(taken.error().code, code) << taken.error().detail;
  }
  void refuse(const Frontier& frontier, Code code, clock::time_point at = start) {
    const auto before = log_.standing(at);
    const auto taken = log_.take_frontier(frontier, at, now);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, code) << taken.error().detail;
    EXPECT_EQ(log_.standing(at).age, before.age);
    EXPECT_EQ(log_.standing(at).ever, before.ever);
  }

  Issuer issuer_;
  FollowedLog log_;
};

TEST_F(Following, LetsNobodyInBeforeTheFirstFrontier) {
  expect("a", "revocations_unavailable");
  take(issuer_.revoke("b"));
  expect("a", "revocations_unavailable");
  EXPECT_FALSE(log_.standing(start).ever);
}

TEST_F(Following, BelievesAnEntryBeforeAnyFrontierSpeaksOfIt) {
  take(issuer_.frontier());
  expect("a", "good");
  take(issuer_.revoke("a"));
  expect("a", "token_revoked");
  expect("b", "good");
  EXPECT_EQ(log_.standing(start).entries, 1U);
  EXPECT_EQ(log_.position()->seq, 1U);
}

TEST_F(Following, TakesAFrontierThatSpeaksOfFewerEntriesThanCame) {
  take(issuer_.revoke("a"));
  const Frontier earlier = issuer_.frontier();
  take(issuer_.revoke("b"));
  take(earlier);
  expect("b", "token_revoked");
  take(issuer_.frontier());
}

TEST_F(Following, RefusesEntriesThatAreNotTheNext) {
  const std::string first = issuer_.revoke("a");
  const std::string second = issuer_.revoke("b");
  refuse(second, Code::event_out_of_order);
  take(first);
  refuse(first, Code::event_out_of_order);
  refuse(R"({"type":"token","jti":"c","until":1})", Code::event_out_of_order);
  refuse(R"({"seq":-2,"type":"token","jti":"c","until":1})", Code::event_out_of_order);
  take(second);
}

TEST_F(Following, RefusesEntriesThatAreNone) {
  for (const char* text : {"", "[]", "{", R"({"seq":1})", R"({"seq":1,"type":"token"})",
                           R"({"seq":1,"type":"token","jti":"a","jti":"b","until":1})"}) {
    refuse(text, Code::event_malformed);
  }
  EXPECT_EQ(log_.position()->seq, 0U);
}

TEST_F(Following, RefusesAFrontierThatSpeaksOfEntriesThatDidNotCome) {
  (void)issuer_.revoke("a");
  refuse(issuer_.frontier(), Code::event_out_of_order);
}

TEST_F(Following, RefusesAFrontierThatSpeaksOfOtherEntriesThanCame) {
  Issuer other;
  take(other.revoke("b"));
  (void)issuer_.revoke("a");
  refuse(issuer_.frontier(), Code::event_chain_broken);
}

TEST_F(Following, RefusesAFrontierOfAnotherLog) {
  refuse(Issuer("log-2").frontier(), Code::event_log_changed);
}

TEST_F(Following, RefusesAFrontierOfBeforeTheLastOne) {
  const Frontier old = issuer_.frontier();
  take(issuer_.revoke("a"));
  take(issuer_.frontier(milliseconds(100)));
  refuse(old, Code::frontier_old);
  Frontier again = issuer_.frontier(milliseconds(99));
  refuse(again, Code::frontier_old);
}

TEST_F(Following, RefusesAnythingWithoutAPlace) {
  log_.lose_place();
  EXPECT_FALSE(log_.position());
  refuse(issuer_.frontier(), Code::event_log_changed);
  refuse(issuer_.revoke("a"), Code::event_out_of_order);
}

TEST_F(Following, RefusesEndlessEntriesWithoutAFrontier) {
  for (std::size_t i = 0; i < most_unconfirmed; ++i) take(issuer_.entry({{"type", "policy"}}));
  refuse(issuer_.entry({{"type", "policy"}}), Code::event_chain_broken);
}

TEST_F(Following, LetsNobodyInPastTheBound) {
  take(issuer_.frontier());
  expect("a", "good", start + seconds(10));
  expect("a", "revocations_stale", start + seconds(10) + milliseconds(1));
  EXPECT_FALSE(log_.standing(start + seconds(11)).trusted);
  take(issuer_.frontier(seconds(11)), start + seconds(11));
  expect("a", "good", start + seconds(21));
}

TEST_F(Following, GoesByTheBoundOfTheLastFrontier) {
  Frontier frontier = issuer_.frontier();
  frontier.bound = seconds(60);
  take(frontier);
  expect("a", "good", start + seconds(60));
  frontier.bound = seconds(2);
  take(frontier);
  expect("a", "revocations_stale", start + seconds(3));
}

TEST_F(Following, CountsAFrontiersDelayAsItsAge) {
  take(issuer_.frontier());
  take(issuer_.frontier(milliseconds(1000)), start + milliseconds(5000));
  expect("a", "good", start + seconds(11));
  expect("a", "revocations_stale", start + seconds(11) + milliseconds(1));
  EXPECT_EQ(log_.standing(start + seconds(5)).age, seconds(4));
}

TEST_F(Following, RefusesAFrontierThatComesLaterThanItsBound) {
  take(issuer_.frontier());
  take(issuer_.frontier(seconds(1)), start + milliseconds(10'999));
  refuse(issuer_.frontier(seconds(1)), Code::frontier_old, start + seconds(11));
}

TEST_F(Following, CountsWhatTheFirstFrontierOfAConnectionMayHaveWaited) {
  log_.connecting(start - seconds(3));
  take(issuer_.frontier());
  expect("a", "good", start + seconds(7));
  expect("a", "revocations_stale", start + seconds(7) + milliseconds(1));
  take(issuer_.frontier(seconds(5)), start + seconds(5));
  expect("a", "revocations_stale", start + seconds(12) + milliseconds(1));
}

TEST_F(Following, RefusesTheFirstFrontierOfAConnectionThatMayHaveWaitedForTheBound) {
  log_.connecting(start - seconds(10));
  refuse(issuer_.frontier(), Code::frontier_old);
}

TEST_F(Following, NeedsNoCommonClockAndNoConstantOne) {
  take(issuer_.frontier(-std::chrono::hours(24 * 365)));
  expect("a", "good", start + seconds(10));
  expect("a", "revocations_stale", start + seconds(11));
  // The issuer's clock is set forward: the delay is reckoned from there.
  take(issuer_.frontier(), start + seconds(1));
  expect("a", "good", start + seconds(11));
  take(issuer_.frontier(seconds(1)), start + seconds(4));
  expect("a", "revocations_stale", start + seconds(12) + milliseconds(1));
  // And back: another connection is needed, and begins anew.
  refuse(issuer_.frontier(-seconds(3600)), Code::frontier_old, start + seconds(5));
  log_.connecting(start + seconds(5));
  take(issuer_.frontier(-seconds(3600)), start + seconds(5));
  expect("a", "good", start + seconds(15));
}

TEST_F(Following, SurvivesTimesThatNoClockShows) {
  Frontier frontier = issuer_.frontier();
  frontier.ms = std::int64_t{1} << 53U;
  take(frontier);
  expect("a", "good", start + seconds(10));
  frontier.ms = 0;
  log_.connecting(start);
  take(frontier);
  frontier.ms = std::int64_t{1} << 53U;
  take(frontier);
  expect("a", "revocations_stale", start + seconds(11));
}

TEST_F(Following, RefusesKeysThatTheLastFrontierNames) {
  Frontier frontier = issuer_.frontier();
  frontier.revoked_keys = {"k"};
  take(frontier);
  expect("a", "token_key_revoked");
  EXPECT_TRUE(log_.is_key_revoked("k"));
  frontier.revoked_keys = {"other"};
  take(frontier);
  expect("a", "good");
  EXPECT_FALSE(log_.is_key_revoked("k"));
}

TEST_F(Following, RefusesAKeyFromItsEntryOn) {
  take(issuer_.frontier());
  take(issuer_.entry({{"type", "key"}, {"kid", "k"}}));
  expect("a", "token_key_revoked");
  EXPECT_TRUE(log_.is_key_revoked("k"));
}

TEST_F(Following, SaysWhichEntriesMeanOtherKeys) {
  EXPECT_EQ(*log_.take_entry(issuer_.entry({{"type", "keys"}, {"epoch", 2}})),
            FollowedLog::Effect::keys_changed);
  EXPECT_EQ(*log_.take_entry(issuer_.revoke("a")), FollowedLog::Effect::none);
}

TEST_F(Following, BeginsWhereItsSnapshotEnds) {
  (void)issuer_.revoke("a");
  RevokedSet revoked;
  ASSERT_TRUE(revoked.apply({{"type", "token"}, {"jti", "a"}, {"until", to_unix(now)}}));
  const std::string text = issuer_.snapshot(revoked);
  ASSERT_TRUE(log_.load(text, committing_to(issuer_.frontier(), text)));
  expect("a", "revocations_unavailable");
  take(issuer_.revoke("b"));
  take(issuer_.frontier());
  expect("a", "token_revoked");
  expect("b", "token_revoked");
}

TEST_F(Following, KnowsTheBoundFromItsSnapshotOn) {
  FollowedLog log;
  EXPECT_EQ(log.standing(start).bound, seconds(0));
  const std::string text = issuer_.snapshot();
  Frontier frontier = committing_to(issuer_.frontier(), text);
  frontier.bound = seconds(3);
  ASSERT_TRUE(log.load(text, frontier));
  EXPECT_EQ(log.standing(start).bound, seconds(3));
  EXPECT_FALSE(log.standing(start).trusted);
}

TEST_F(Following, TakesNothingBackWhenItLoadsASnapshotOfAnotherLog) {
  take(issuer_.frontier());
  take(issuer_.revoke("a"));
  const Issuer other("log-2");
  load(other);
  take(other.frontier());
  expect("a", "token_revoked");
  EXPECT_EQ(log_.position()->log, "log-2");
}

TEST_F(Following, RefusesASnapshotThatItsFrontierDoesNotCommitTo) {
  const std::string text = issuer_.snapshot();
  const auto refuse_load = [&](const std::string& body, const Frontier& frontier, Code code) {
    const auto loaded = log_.load(body, frontier);
    ASSERT_FALSE(loaded) << body;
    EXPECT_EQ(loaded.error().code, code) << loaded.error().detail;
  };
  refuse_load(text, issuer_.frontier(), Code::event_chain_broken);
  refuse_load(text + " ", committing_to(issuer_.frontier(), text), Code::event_chain_broken);
  Frontier elsewhere = committing_to(issuer_.frontier(), text);
  elsewhere.seq = 7;
  refuse_load(text, elsewhere, Code::event_chain_broken);
  elsewhere = committing_to(Issuer("log-2").frontier(), text);
  refuse_load(text, elsewhere, Code::event_chain_broken);
  for (const std::string& bad :
       {std::string("["), std::string("[]"), std::string(R"({"log":"log-1","seq":0})"),
        std::string(R"({"log":"","seq":0,"revoked":{}})"),
        std::string(R"({"log":"log-1","seq":0,"revoked":[]})")}) {
    refuse_load(bad, committing_to(issuer_.frontier(), bad), Code::event_snapshot_malformed);
  }
}

TEST_F(Following, ForgetsWhatIsOverByBothClocks) {
  take(issuer_.frontier());
  take(issuer_.revoke("a"));
  const Moment over = now + seconds(600) + RevokedSet::kept_past_end + seconds(1);
  const auto later = [&](std::int64_t ms, Moment own) {
    Frontier frontier = issuer_.frontier();
    frontier.ms = ms;
    log_.connecting(start);
    return log_.take_frontier(frontier, start, own).has_value();
  };
  EXPECT_TRUE(later(start_ms, over));
  expect("a", "token_revoked");
  EXPECT_TRUE(later(to_unix(over) * 1000, now));
  expect("a", "token_revoked");
  EXPECT_TRUE(later(to_unix(over) * 1000, over));
  expect("a", "good");
}

TEST_F(Following, ForgetsLittleAtATimeSinceDecisionsWaitForIt) {
  for (int entry = 0; entry < 20; ++entry) {
    std::vector<std::string> jtis;
    for (int i = 0; i < 250; ++i) jtis.push_back(std::to_string(entry * 250 + i));
    take(issuer_.entry({{"type", "tokens"}, {"jtis", jtis}}));
  }
  const auto told_so_much_later = [&] {
    const Moment over = now + seconds(600) + RevokedSet::kept_past_end + seconds(1);
    Frontier frontier = issuer_.frontier();
    frontier.ms = to_unix(over) * 1000;
    ASSERT_TRUE(log_.take_frontier(frontier, start, over));
  };
  told_so_much_later();
  EXPECT_GT(log_.standing(start).entries, 2500U);
  told_so_much_later();
  told_so_much_later();
  EXPECT_EQ(log_.standing(start).entries, 0U);
}

TEST_F(Following, ForgetsNothingForAMomentWhileASnapshotIsLoaded) {
  take(issuer_.frontier());
  take(issuer_.revoke("a"));
  const Issuer other("log-2");
  const std::string text = other.snapshot();
  const Frontier frontier = committing_to(other.frontier(), text);
  std::atomic<bool> over{false};
  std::atomic<int> judged{0};
  std::thread reader([&] {
    while (!over) {
      expect("a", "token_revoked");
      ++judged;
    }
  });
  for (int loads = 0; loads < 100 || judged < 100; ++loads) {
    const auto loaded = log_.load(text, frontier);
    EXPECT_TRUE(loaded);
  }
  over = true;
  reader.join();
}

}  // namespace
}  // namespace mintmark::verify
