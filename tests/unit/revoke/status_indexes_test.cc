// Entries of status lists: none is given twice, not even after a crash; neighbours in time are none
// in the list; what is revoked is said in the octets that the draft wants.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <set>
#include <thread>

#include "revoke/permutation.h"
#include "revoke/status_lists.h"
#include "support/scratch.h"

namespace mintmark::revoke {
namespace {

const Moment now = from_unix(1'800'000'000);
constexpr std::chrono::seconds second{1};

class StatusIndexesTest : public testing::Test {
 protected:
  std::unique_ptr<StatusIndexes> open(StatusIndexOptions options = {.entries = 1024, .block = 64}) {
    return open_status_indexes(path_, options).value();
  }
  /// The leasing thread may be a little behind.
  static StatusIndex next(StatusIndexes& indexes, Moment until = now + 300 * second) {
    auto given = indexes.next(until);
    while (!given && given.error().code == Code::status_index_unavailable) {
      std::this_thread::yield();
      given = indexes.next(until);
    }
    return given.value();
  }
  void sql(const char* text) const {
    sqlite3* connection = nullptr;
    sqlite3_open(path_.c_str(), &connection);
    EXPECT_EQ(sqlite3_exec(connection, text, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(connection);
  }

  const test::Scratch scratch_;
  const std::string path_ = scratch_ / "status.db";
};

TEST_F(StatusIndexesTest, GivesEveryEntryOnceAndThenBeginsTheNextList) {
  const auto indexes = open();
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 1024; ++i) {
    const StatusIndex given = next(*indexes);
    EXPECT_EQ(given.list, 1U);
    EXPECT_LT(given.index, 1024U);
    EXPECT_TRUE(seen.insert(given.index).second);
  }
  EXPECT_EQ(next(*indexes).list, 2U);
}

TEST_F(StatusIndexesTest, GivesNoneTwiceAfterACrash) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (int life = 0; life < 20; ++life) {
    const auto indexes = open();
    for (int i = 0; i < 40; ++i) {
      const StatusIndex given = next(*indexes);
      EXPECT_TRUE(seen.emplace(given.list, given.index).second);
    }
  }
}

TEST_F(StatusIndexesTest, GivesNoneTwiceToThreadsThatAskAtOnce) {
  const auto indexes = open();
  std::vector<std::vector<StatusIndex>> given(4);
  {
    std::vector<std::jthread> threads;
    for (auto& own : given)
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) own.push_back(next(*indexes));
      });
  }
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (const auto& own : given) {
    for (const StatusIndex& one : own) EXPECT_TRUE(seen.emplace(one.list, one.index).second);
  }
}

TEST_F(StatusIndexesTest, NeighboursInTimeAreNoneInTheList) {
  const auto indexes = open({.entries = 1U << 16U, .block = 4096});
  int near = 0;
  StatusIndex last = next(*indexes);
  for (int i = 0; i < 4000; ++i) {
    const StatusIndex given = next(*indexes);
    const auto apart = std::abs(std::int64_t{given.index} - std::int64_t{last.index});
    near += apart < 64 ? 1 : 0;
    last = given;
  }
  // By chance some 8 of 4000 would be: 2 * 64 / 65536 each.
  EXPECT_LT(near, 30);
}

TEST_F(StatusIndexesTest, HasAnotherOrderForEachList) {
  const auto first = open();
  std::vector<std::uint32_t> order;
  for (int i = 0; i < 1024; ++i) order.push_back(next(*first).index);
  unsigned same = 0;
  for (int i = 0; i < 1024; ++i) same += next(*first).index == order[i] ? 1 : 0;
  EXPECT_LT(same, 20U);
}

TEST_F(StatusIndexesTest, SaysThatNoneIsLeasedWhereTheDiskFails) {
  const auto indexes = open({.entries = 1024, .block = 4});
  sql("DROP TABLE status_list");
  Result<StatusIndex> given = indexes->next(now);
  for (int i = 0; i < 100 && given; ++i) given = indexes->next(now);
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code, Code::status_index_unavailable);
}

TEST_F(StatusIndexesTest, SaysOneBitAnEntryLowestFirst) {
  const auto indexes = open();
  const std::uint64_t before = indexes->version(1);
  indexes->set({{1, 0}, {1, 9}}, Status::invalid);
  const auto content = indexes->content(1);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->bits, 1U);
  ASSERT_EQ(content->octets.size(), 128U);
  EXPECT_EQ(content->octets[0], 0b1);
  EXPECT_EQ(content->octets[1], 0b10);
  EXPECT_GT(content->version, before);
  indexes->set({{1, 0}}, Status::valid);
  EXPECT_EQ(indexes->content(1)->octets[0], 0);
}

TEST_F(StatusIndexesTest, SaysTwoBitsAnEntry) {
  const auto indexes = open({.bits = 2, .entries = 1024, .block = 64});
  indexes->set({{1, 1}}, Status::suspended);
  indexes->set({{1, 2}}, Status::invalid);
  const auto content = indexes->content(1);
  ASSERT_EQ(content->octets.size(), 256U);
  EXPECT_EQ(content->octets[0], 0b00'01'10'00);
}

TEST_F(StatusIndexesTest, ASuspendedEntryOfOneBitIsNotValid) {
  const auto indexes = open();
  indexes->set({{1, 0}}, Status::suspended);
  EXPECT_EQ(indexes->content(1)->octets[0], 1);
}

TEST_F(StatusIndexesTest, AVersionStaysWhereNothingChanges) {
  const auto indexes = open();
  indexes->set({{1, 3}}, Status::invalid);
  const std::uint64_t version = indexes->version(1);
  indexes->set({{1, 3}, {9, 3}, {1, 100'000}}, Status::invalid);
  EXPECT_EQ(indexes->version(1), version);
  EXPECT_EQ(indexes->version(9), 0U);
}

TEST_F(StatusIndexesTest, AVersionIsNeverOneOfAnEarlierStart) {
  std::uint64_t before = 0;
  {
    const auto indexes = open();
    indexes->set({{1, 3}}, Status::invalid);
    before = indexes->version(1);
  }
  EXPECT_GT(open()->version(1), before);
}

// Whoever keeps a token of a list by its version would go on saying what is not so.
TEST_F(StatusIndexesTest, AListThatIsWantedAgainHasAVersionOfItsOwn) {
  const auto indexes = open({.entries = 64, .block = 64});
  while (next(*indexes).list == 1) continue;
  indexes->set({{1, 3}}, Status::invalid);
  const std::uint64_t version = indexes->version(1);
  indexes->forget(now + 301 * second);
  ASSERT_EQ(indexes->version(1), 0U);
  indexes->restore({1, 5}, now + 600 * second);
  EXPECT_GT(indexes->version(1), version);
}

TEST_F(StatusIndexesTest, KnowsNoListThatIsNone) {
  const auto content = open()->content(7);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, Code::status_list_unknown);
}

TEST_F(StatusIndexesTest, ForgetsAListWhenItsLastTokenHasEnded) {
  const auto indexes = open();
  for (int i = 0; i < 1024; ++i) (void)next(*indexes, now + second);
  (void)next(*indexes, now + 300 * second);
  indexes->forget(now + second);
  EXPECT_EQ(indexes->lists(), (std::vector<std::uint32_t>{1, 2}));
  indexes->forget(now + 2 * second);
  EXPECT_EQ(indexes->lists(), (std::vector<std::uint32_t>{2}));
  EXPECT_FALSE(indexes->content(1));
}

TEST_F(StatusIndexesTest, AfterAStartAListIsWantedAsLongAsItsTokensLive) {
  {
    const auto indexes = open();
    for (int i = 0; i < 1025; ++i) (void)next(*indexes);
  }
  const auto indexes = open();
  EXPECT_EQ(indexes->lists(), (std::vector<std::uint32_t>{1, 2}));
  indexes->restore({1, 17}, now + 100 * second);
  indexes->forget(now + 100 * second);
  EXPECT_TRUE(indexes->content(1));
  indexes->forget(now + 101 * second);
  EXPECT_FALSE(indexes->content(1));
}

TEST_F(StatusIndexesTest, AnotherSizeOrNumberOfBitsBeginsAnotherList) {
  EXPECT_EQ(next(*open()).list, 1U);
  const auto wider = open({.bits = 2, .entries = 2048, .block = 64});
  EXPECT_EQ(next(*wider).list, 2U);
  EXPECT_EQ(wider->content(1)->octets.size(), 128U) << "the old one is what it was";
  EXPECT_EQ(wider->content(2)->octets.size(), 512U);
}

TEST(Permutation, IsOneForEverySize) {
  Sha256 secret{};
  for (unsigned bits = 2; bits <= 15; ++bits) {
    secret[0] = static_cast<std::uint8_t>(bits);
    const std::uint32_t entries = 1U << bits;
    const Permutation permutation(secret, entries);
    std::vector<bool> seen(entries);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::uint32_t image = permutation(i);
      ASSERT_LT(image, entries);
      EXPECT_FALSE(seen[image]) << bits << " bits, " << i;
      seen[image] = true;
    }
  }
}

TEST(Permutation, IsItsSecretsAlone) {
  const Permutation one(Sha256{1}, 1U << 20U);
  const Permutation same(Sha256{1}, 1U << 20U);
  const Permutation other(Sha256{2}, 1U << 20U);
  unsigned equal = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(one(i), same(i));
    equal += one(i) == other(i) ? 1 : 0;
  }
  EXPECT_LT(equal, 5U);
}

}  // namespace
}  // namespace mintmark::revoke
