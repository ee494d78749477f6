// The event log: numbered and chained, on disk before anybody is told, whatever the power does.
#include "revoke/event_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <random>

#include "revoke/event_rows.h"
#include "support/manual_clock.h"
#include "support/power_loss.h"
#include "support/scratch.h"
#include "verify/frontier.h"

namespace mintmark::revoke {
namespace {

using std::chrono::seconds;
using Verdict = verify::RevokedSet::Verdict;

/// In memory where the system has that: a disk's syncs would take minutes, and prove nothing more.
test::Scratch scratch_directory() {
  const bool has_memory = access("/dev/shm", W_OK) == 0;
  return test::Scratch(has_memory ? "/dev/shm" : std::filesystem::temp_directory_path());
}

Json of_token(const std::string& jti, Moment until) {
  return {{"type", "token"}, {"jti", jti}, {"sub", "d"}, {"until", to_unix(until)}};
}

Result<std::uint64_t> append(EventLog& log, std::vector<Json> entries) {
  auto promise = std::make_shared<std::promise<Result<std::uint64_t>>>();
  auto done = promise->get_future();
  log.append(std::move(entries),
             [promise](Result<std::uint64_t> seq) { promise->set_value(std::move(seq)); });
  return done.get();
}

/// What whoever follows the log from its beginning computes.
Sha256 head_of(const EventLog& log) {
  Sha256 head = verify::empty_head(log.position().log);
  const auto events = log.after(0, 100'000).value();
  for (const Event& event : events) head = verify::next_head(head, *event.text);
  return head;
}

class EventLogTest : public testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<EventLog> open() {
    return open_event_log(
               path_, clock_, 0600,
               [this] { return std::chrono::steady_clock::time_point(seconds{passed_}); })
        .value();
  }
  /// By all clocks.
  void pass(seconds time) {
    passed_ += time.count();
    clock_.advance(time);
  }
  [[nodiscard]] Json token(const std::string& jti) const {
    return of_token(jti, clock_.now() + seconds{300});
  }
  [[nodiscard]] Verdict judge(const EventLog& log, const std::string& jti) const {
    return log.judge({.jti = jti, .subject = "d", .kid = "k", .issued_at = clock_.now()});
  }

  test::Scratch directory_ = scratch_directory();
  const std::string path_ = directory_ / "events.db";
  test::ManualClock clock_;
  std::atomic<std::int64_t> passed_{0};
};

TEST_F(EventLogTest, NumbersAndDatesEntriesFromOne) {
  const auto log = open();
  EXPECT_EQ(log->position().seq, 0U);
  EXPECT_EQ(append(*log, {token("a"), token("b")}), 2U);
  EXPECT_EQ(append(*log, {token("c")}), 3U);
  const auto events = log->after(0, 10).value();
  ASSERT_EQ(events.size(), 3U);
  const Json second = parse_json(*events[1].text).value();
  EXPECT_EQ(events[1].seq, 2U);
  EXPECT_EQ(second["seq"], 2);
  EXPECT_EQ(second["at"], to_unix(clock_.now()));
  EXPECT_EQ(second["jti"], "b");
}

TEST_F(EventLogTest, ChainsWhatItGives) {
  const auto log = open();
  EXPECT_EQ(log->position().head, verify::empty_head(log->position().log));
  ASSERT_TRUE(append(*log, {token("a"), token("b")}));
  ASSERT_TRUE(append(*log, {token("c")}));
  EXPECT_EQ(log->position().head, head_of(*log));
}

TEST_F(EventLogTest, KnowsWhatWasRevokedBeforeItIsAnswered) {
  const auto log = open();
  EXPECT_EQ(judge(*log, "a"), Verdict::good);
  ASSERT_TRUE(append(*log, {token("a")}));
  EXPECT_EQ(judge(*log, "a"), Verdict::revoked);
  EXPECT_EQ(judge(*log, "b"), Verdict::good);
}

TEST_F(EventLogTest, IsTheSameAfterARestart) {
  Position before;
  {
    const auto log = open();
    ASSERT_TRUE(append(*log, {token("a")}));
    before = log->position();
  }
  const auto log = open();
  EXPECT_EQ(log->position().log, before.log);
  EXPECT_EQ(log->position().seq, 1U);
  EXPECT_EQ(log->position().head, before.head);
  EXPECT_EQ(judge(*log, "a"), Verdict::revoked);
  EXPECT_EQ(append(*log, {token("b")}), 2U);
  EXPECT_EQ(log->position().head, head_of(*log));
}

TEST_F(EventLogTest, IsAnotherOneInAnotherFile) {
  const auto other = open_event_log(directory_ / "other.db", clock_).value();
  EXPECT_NE(open()->position().log, other->position().log);
}

TEST_F(EventLogTest, TellsNewEntriesInTheirOrderBeforeItAnswers) {
  const auto log = open();
  std::vector<std::uint64_t> told;
  log->on_appended([&](const std::vector<Event>& events) {
    for (const Event& event : events) told.push_back(event.seq);
  });
  std::size_t also_told = 0;
  log->on_appended([&](const std::vector<Event>& events) { also_told += events.size(); });
  ASSERT_TRUE(append(*log, {token("a"), token("b")}));
  ASSERT_TRUE(append(*log, {token("c")}));
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(also_told, 3U);
}

TEST_F(EventLogTest, RefusesAllOfWhatCannotAllBeUnderstood) {
  const auto log = open();
  for (const Json& bad :
       {Json({{"type", "token"}, {"jti", "a"}}), Json({{"jti", "a"}}), Json("token"),
        Json({{"type", "tokens"}, {"jtis", Json::array()}, {"until", 1}}),
        Json({{"type", "new"}, {"text", std::string(60'001, 'x')}})}) {
    const auto refused = append(*log, {token("a"), bad});
    ASSERT_FALSE(refused) << bad.dump().substr(0, 60);
    EXPECT_EQ(refused.error().code, Code::event_malformed);
  }
  EXPECT_EQ(log->position().seq, 0U);
  EXPECT_EQ(judge(*log, "a"), Verdict::good);
  EXPECT_EQ(append(*log, {{{"type", "new"}}}), 1U);  // What is to come is taken.
}

TEST_F(EventLogTest, RefusesWhatTheDiskDoesNotTakeAndGoesOn) {
  const auto log = open();
  ASSERT_TRUE(append(*log, {token("a")}));
  const Position before = log->position();
  {
    auto other = store::Database::open(path_, 0600).value();
    ASSERT_TRUE(other.execute("ALTER TABLE event RENAME TO elsewhere"));
    const auto refused = append(*log, {token("b")});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::revocation_failed);
    ASSERT_TRUE(other.execute("ALTER TABLE elsewhere RENAME TO event"));
  }
  EXPECT_EQ(log->position().head, before.head);
  EXPECT_EQ(judge(*log, "b"), Verdict::good);
  EXPECT_EQ(append(*log, {token("b")}), 2U);
  EXPECT_EQ(log->position().head, head_of(*log));
}

TEST_F(EventLogTest, TakesNoMoreThanItsQueueHolds) {
  const auto log = open();
  const std::vector<Json> many(65'537, token("a"));
  const auto refused = append(*log, many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
}

TEST_F(EventLogTest, GivesWhatCameAfterANumberAndNoMoreThanIsAskedFor) {
  const auto log = open();
  ASSERT_TRUE(append(*log, {token("a"), token("b"), token("c")}));
  const auto some = log->after(1, 1).value();
  ASSERT_EQ(some.size(), 1U);
  EXPECT_EQ(some[0].seq, 2U);
  EXPECT_TRUE(log->after(3, 10).value().empty());
}

TEST_F(EventLogTest, GivesTheSameFromDiskAsFromMemory) {
  std::string from_memory;
  {
    const auto log = open();
    ASSERT_TRUE(append(*log, {token("a"), token("b")}));
    from_memory = *log->after(1, 10).value().at(0).text;
  }
  const auto log = open();
  ASSERT_TRUE(append(*log, {token("c")}));
  const auto events = log->after(1, 10).value();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(*events[0].text, from_memory);
}

TEST_F(EventLogTest, GivesTheLatestFromMemoryAfterARestartToo) {
  { ASSERT_TRUE(append(*open(), {token("a"), token("b")})); }
  const auto log = open();
  auto other = store::Database::open(path_, 0600).value();
  ASSERT_TRUE(other.execute("ALTER TABLE event RENAME TO elsewhere"));
  const auto events = log->after(0, 10);
  ASSERT_TRUE(events) << events.error().to_string();
  EXPECT_EQ(events->size(), 2U);
}

TEST_F(EventLogTest, GoesOnWhereItStoodThoughItsLastEntryIsForgotten) {
  { ASSERT_TRUE(append(*open(), {token("a"), token("b")})); }
  auto other = store::Database::open(path_, 0600).value();
  ASSERT_TRUE(other.execute("DELETE FROM event WHERE seq = 2; UPDATE log SET forgotten = 2"));
  const auto log = open();
  EXPECT_TRUE(log->after(2, 10).value().empty());
  EXPECT_FALSE(log->after(1, 10));
  EXPECT_EQ(append(*log, {token("c")}), 3U);
  EXPECT_EQ(log->after(2, 10).value().size(), 1U);
}

TEST_F(EventLogTest, GivesFromMemoryWhatHasNoGapAlone) {
  { ASSERT_TRUE(append(*open(), {token("a"), token("b"), token("c")})); }
  auto other = store::Database::open(path_, 0600).value();
  ASSERT_TRUE(other.execute("DELETE FROM event WHERE seq = 2; UPDATE log SET forgotten = 2"));
  const auto log = open();
  EXPECT_FALSE(log->after(1, 10));
  EXPECT_EQ(log->after(2, 10).value().size(), 1U);
  EXPECT_EQ(append(*log, {token("d")}), 4U);
  EXPECT_EQ(log->after(2, 10).value().size(), 2U);
}

TEST_F(EventLogTest, WantsASnapshotWhereANumberIsBeyondTheLast) {
  const auto log = open();
  const auto refused = log->after(1, 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::event_snapshot_wanted);
}

TEST_F(EventLogTest, ForgetsWhatIsOverButNotWhereItStands) {
  Position last;
  {
    const auto log = open();
    ASSERT_TRUE(append(*log, {token("old")}));
    ASSERT_TRUE(append(*log, {of_token("long", clock_.now() + std::chrono::hours{72})}));
    pass(std::chrono::hours{27});
    ASSERT_TRUE(append(*log, {token("new")}));
    EXPECT_EQ(judge(*log, "old"), Verdict::good);
    EXPECT_EQ(judge(*log, "long"), Verdict::revoked);
    last = log->position();
    const auto refused = log->after(0, 10);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::event_snapshot_wanted);
    EXPECT_EQ(log->after(1, 10).value().size(), 2U);
  }
  const auto log = open();
  EXPECT_EQ(log->position().head, last.head);
  EXPECT_EQ(log->position().seq, 3U);
  EXPECT_FALSE(log->after(0, 10));
  EXPECT_EQ(log->after(1, 10).value().size(), 2U);
  EXPECT_EQ(judge(*log, "long"), Verdict::revoked);
  EXPECT_EQ(judge(*log, "old"), Verdict::good);
}

TEST_F(EventLogTest, KeepsForAnHourWhatIsOver) {
  const auto log = open();
  ASSERT_TRUE(append(*log, {token("old"), {{"type", "policy"}, {"epoch", 1}}}));
  pass(std::chrono::minutes{59});
  ASSERT_TRUE(append(*log, {token("new")}));
  EXPECT_EQ(log->after(0, 10).value().size(), 3U);
}

TEST_F(EventLogTest, ForgetsNothingByAClockThatWasAheadForAWhile) {
  const auto log = open();
  pass(std::chrono::hours{24});  // Its own is believed.
  ASSERT_TRUE(append(*log, {token("a")}));
  const Moment before = clock_.now();
  clock_.advance(std::chrono::hours{3});
  ASSERT_TRUE(append(*log, {token("b")}));
  passed_ += 120;
  ASSERT_TRUE(append(*log, {token("c")}));
  clock_.set(before);
  EXPECT_EQ(judge(*log, "a"), Verdict::revoked);
  EXPECT_EQ(log->after(0, 10).value().size(), 3U);
}

TEST_F(EventLogTest, ForgetsNothingByAClockThatWasAheadWhenItBegan) {
  { ASSERT_TRUE(append(*open(), {token("a")})); }
  const Moment before = clock_.now();
  clock_.advance(std::chrono::hours{3});
  {
    const auto log = open();
    ASSERT_TRUE(append(*log, {token("b")}));
    passed_ += 120;
    ASSERT_TRUE(append(*log, {token("c")}));
  }
  clock_.set(before);
  const auto log = open();
  EXPECT_EQ(judge(*log, "a"), Verdict::revoked);
  EXPECT_EQ(log->after(0, 10).value().size(), 3U);
}

TEST_F(EventLogTest, SnapshotsWhatWasRevokedWhereItStands) {
  const auto log = open();
  ASSERT_TRUE(append(*log, {token("a")}));
  const Snapshot snapshot = log->snapshot();
  ASSERT_TRUE(append(*log, {token("b")}));
  EXPECT_EQ(snapshot.position.seq, 1U);
  EXPECT_TRUE(snapshot.revoked.to_json()["tokens"].contains("a"));
  EXPECT_FALSE(snapshot.revoked.to_json()["tokens"].contains("b"));
}

TEST_F(EventLogTest, SharesFlushesAndLosesNothingOfManyThreads) {
  const auto log = open();
  std::size_t flushes = 0;
  log->on_appended([&](const std::vector<Event>&) { ++flushes; });
  std::atomic<int> answered{0};
  std::promise<void> all;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 500; ++i) {
        const std::string jti = std::to_string(thread) + "-" + std::to_string(i);
        log->append({token(jti)}, [&](const Result<std::uint64_t>& seq) {
          EXPECT_TRUE(seq);
          if (++answered == 2000) all.set_value();
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_EQ(all.get_future().wait_for(seconds{20}), std::future_status::ready);
  EXPECT_EQ(log->position().seq, 2000U);
  EXPECT_EQ(log->position().head, head_of(*log));
  EXPECT_LT(flushes, 2000U);
}

TEST_F(EventLogTest, AnswersWhatWaitsBeforeItEnds) {
  std::atomic<int> answered{0};
  {
    const auto log = open();
    for (int i = 0; i < 100; ++i) {
      log->append({token(std::to_string(i))}, [&](const Result<std::uint64_t>& seq) {
        if (seq) ++answered;
      });
    }
  }
  EXPECT_EQ(answered, 100);
  EXPECT_EQ(open()->position().seq, 100U);
}

// ---- where the power fails ----

class EventLogPowerLoss : public EventLogTest {
 protected:
  void write(const test::Files& files, const test::Scratch& to) {
    for (const auto& [name, octets] : files) std::ofstream(to / name, std::ios::binary) << octets;
  }
  /// What was answered is there, in order, its chain whole; and it goes on.
  void expect_whole(const std::string& path, std::size_t answered) {
    auto opened = open_event_log(path, clock_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    EventLog& log = **opened;
    const auto seq = log.position().seq;
    EXPECT_GE(seq, answered);
    EXPECT_LE(seq, answered + 1);
    EXPECT_EQ(log.after(0, 1000).value().size(), seq);
    EXPECT_EQ(log.position().head, head_of(log));
    for (std::size_t i = 1; i <= seq; ++i)
      EXPECT_EQ(judge(log, std::to_string(i)), Verdict::revoked);
    EXPECT_EQ(append(log, {token("next")}), seq + 1);
    EXPECT_EQ(log.position().head, head_of(log));
  }
};

TEST_F(EventLogPowerLoss, LosesNothingThatWasAnsweredAndBreaksNoChain) {
  std::vector<test::Cut> cuts;
  {
    const test::Scratch lived = scratch_directory();
    test::PowerLoss power(lived.path());
    for (int life = 0; life < 3; ++life) {
      const auto log = open_event_log(lived / "events.db", clock_).value();
      for (int i = 1; i <= 6; ++i) {
        ASSERT_TRUE(append(*log, {token(std::to_string(6 * life + i))}));
        power.answered();
      }
    }
    cuts = power.cuts();
  }
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp)
  std::size_t checked = 0;
  for (const test::Cut& cut : cuts) {
    for (unsigned way = 0; way < 8 && !HasFailure(); ++way) {
      const test::Scratch left = scratch_directory();
      write(cut.disk.after([&](std::size_t, std::size_t) {
        return way == 0 ? false : way == 1 || random() % 10 < way - 1;
      }),
            left);
      expect_whole(left / "events.db", cut.answered);
      ++checked;
    }
  }
  EXPECT_GE(checked, 200U);
}

}  // namespace
}  // namespace mintmark::revoke
