// The log of issued tokens: on disk before it says so, in order, together where several wait.
#include "audit/issuance_log.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <future>
#include <thread>

#include "support/scratch.h"

namespace mintmark::audit {
namespace {

const Moment now = from_unix(1'800'000'000);

Issued token(int number, std::chrono::seconds life = std::chrono::seconds(300)) {
  return {.jti = "jti-" + std::to_string(number),
          .device = "device-" + std::to_string(number % 3),
          .audience = "https://api.example",
          .kid = "kid-1",
          .rule = "sensors",
          .issued_at = now,
          .expires_at = now + life,
          .list = 1,
          .index = static_cast<std::uint32_t>(number),
          .ends_with_evidence = number % 2 == 0};
}

class IssuanceLogTest : public testing::Test {
 protected:
  std::unique_ptr<IssuanceLog> open() { return open_issuance_log(path_).value(); }
  static Result<void> append(IssuanceLog& log, Issued entry) {
    std::promise<Result<void>> written;
    log.append(std::move(entry), [&](Result<void> done) { written.set_value(std::move(done)); });
    return written.get_future().get();
  }
  static std::vector<Issued> live(const IssuanceLog& log, Moment at) {
    std::vector<Issued> entries;
    EXPECT_TRUE(log.read_live(at, [&](const Issued& entry) { entries.push_back(entry); }));
    return entries;
  }
  /// Rows as another connection finds them: what is not committed is not among them.
  [[nodiscard]] int rows() const {
    sqlite3* connection = nullptr;
    sqlite3_open_v2(path_.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr);
    int count = -1;
    const auto take = [](void* to, int, char** values, char**) {
      *static_cast<int*>(to) = std::stoi(values[0]);
      return 0;
    };
    sqlite3_exec(connection, "SELECT count(*) FROM issued", take, &count, nullptr);
    sqlite3_close(connection);
    return count;
  }
  /// What takes the table away, as a broken disk would.
  void break_it() const {
    sqlite3* connection = nullptr;
    sqlite3_open(path_.c_str(), &connection);
    sqlite3_exec(connection, "DROP TABLE issued", nullptr, nullptr, nullptr);
    sqlite3_close(connection);
  }

  const test::Scratch scratch_;
  const std::string path_ = scratch_ / "issued.db";
};

TEST_F(IssuanceLogTest, AnEntryIsOnDiskWhenItSaysSo) {
  const auto log = open();
  ASSERT_TRUE(append(*log, token(1)));
  EXPECT_EQ(rows(), 1);
}

TEST_F(IssuanceLogTest, GivesBackWhatWasAppendedAfterAReopening) {
  const Issued one = token(7);
  ASSERT_TRUE(append(*open(), one));
  const auto entries = live(*open(), now);
  ASSERT_EQ(entries.size(), 1U);
  const Issued& found = entries.front();
  EXPECT_EQ(found.jti, one.jti);
  EXPECT_EQ(found.device, one.device);
  EXPECT_EQ(found.audience, one.audience);
  EXPECT_EQ(found.kid, one.kid);
  EXPECT_EQ(found.rule, one.rule);
  EXPECT_EQ(found.issued_at, one.issued_at);
  EXPECT_EQ(found.expires_at, one.expires_at);
  EXPECT_EQ(found.list, one.list);
  EXPECT_EQ(found.index, one.index);
  EXPECT_EQ(found.ends_with_evidence, one.ends_with_evidence);
}

TEST_F(IssuanceLogTest, GivesTheOldestFirstAndNoneThatHasEnded) {
  const auto log = open();
  ASSERT_TRUE(append(*log, token(1, std::chrono::seconds(10))));
  ASSERT_TRUE(append(*log, token(2)));
  ASSERT_TRUE(append(*log, token(3, std::chrono::seconds(200))));
  const auto entries = live(*log, now + std::chrono::seconds(10));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].jti, "jti-2");
  EXPECT_EQ(entries[1].jti, "jti-3");
}

TEST_F(IssuanceLogTest, WhoeverWaitsSharesAFlush) {
  const auto log = open();
  constexpr int tokens = 2000;
  std::atomic<int> done = 0;
  for (int i = 0; i < tokens; ++i) {
    log->append(token(i), [&](const Result<void>& written) {
      EXPECT_TRUE(written);
      if (++done == tokens) done.notify_all();
    });
  }
  for (int seen = done; seen != tokens; seen = done) done.wait(seen);
  const auto written = log->written();
  EXPECT_EQ(written.entries, 2000U);
  EXPECT_LT(written.groups, 1000U);
  EXPECT_EQ(rows(), tokens);
}

TEST_F(IssuanceLogTest, RefusesWhatIsTooMuchToWait) {
  const auto log = open();
  // Its thread stands still in this one's answer, and the queue fills up.
  std::promise<void> go_on;
  std::promise<void> stands;
  log->append(token(0), [&](const Result<void>&) {
    stands.set_value();
    go_on.get_future().wait();
  });
  stands.get_future().wait();
  std::atomic<int> refused = 0;
  for (int i = 1; i <= 8192 + 5; ++i) {
    log->append(token(i), [&](const Result<void>& written) {
      if (written) return;
      EXPECT_EQ(written.error().code, Code::overloaded);
      ++refused;
    });
  }
  EXPECT_EQ(refused, 5);
  go_on.set_value();
}

TEST_F(IssuanceLogTest, ItsEndWritesWhatWaits) {
  int done = 0;
  {
    const auto log = open();
    for (int i = 0; i < 100; ++i)
      log->append(token(i), [&](const Result<void>& written) { done += written ? 1 : 0; });
  }
  EXPECT_EQ(done, 100);
  EXPECT_EQ(rows(), 100);
}

TEST_F(IssuanceLogTest, SaysWhenItCannotWrite) {
  const auto log = open();
  ASSERT_TRUE(append(*log, token(1)));
  break_it();
  const auto written = append(*log, token(2));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::issuance_log_failed);
  EXPECT_FALSE(append(*log, token(3))) << "and again";
  EXPECT_EQ(log->written().entries, 1U);
}

TEST_F(IssuanceLogTest, ForgetsWhatEndedBeforeAndNothingElse) {
  const auto log = open();
  std::promise<void> all;
  for (int i = 0; i < 5000; ++i)
    log->append(token(i, std::chrono::seconds(i < 4500 ? 5 : 300)), [&, i](const Result<void>&) {
      if (i == 4999) all.set_value();
    });
  all.get_future().wait();
  ASSERT_TRUE(log->forget_before(now + std::chrono::seconds(5)));
  EXPECT_EQ(rows(), 5000) << "exactly then is not before";
  ASSERT_TRUE(log->forget_before(now + std::chrono::seconds(6)));
  EXPECT_EQ(rows(), 500);
}

TEST_F(IssuanceLogTest, TakesNoOtherDatabase) {
  sqlite3* connection = nullptr;
  sqlite3_open(path_.c_str(), &connection);
  sqlite3_exec(connection, "CREATE TABLE other (a)", nullptr, nullptr, nullptr);
  sqlite3_close(connection);
  const auto log = open_issuance_log(path_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Code::store_foreign);
}

}  // namespace
}  // namespace mintmark::audit
