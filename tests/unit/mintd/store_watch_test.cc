// What is told of a database file in trouble, and when it is over.
#include "programs/mintd/store_watch.h"

#include <gtest/gtest.h>

#include "store/sqlite.h"
#include "support/scratch.h"

namespace mintmark::mintd {
namespace {

using store::Health;
using store::Hindrance;

class StoreWatchTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string trouble() {
    for (const Health::Look& file : watch_.look()) {
      if (file.path == database_.path() && file.trouble)
        return std::string(name_of(file.trouble->hindrance));
    }
    return "";
  }
  void fail_with(Hindrance hindrance) {
    database_.health().failed(hindrance, {code_of(hindrance), "a test's", 0});
  }

  const test::Scratch scratch_;
  store::Database database_ = store::Database::open(scratch_ / "some.db", 0600).value();
  StoreWatch watch_;
};

TEST_F(StoreWatchTest, WhatIsOverByTheFirstLookKeepsNobodyWaitingForTheSecond) {
  fail_with(Hindrance::busy);
  EXPECT_EQ(trouble(), "");
  EXPECT_TRUE(database_.health().check());
}

TEST_F(StoreWatchTest, WhatStillHindersIsToldOfInEachLookUntilItIsOver) {
  auto other = store::Database::open(scratch_ / "some.db", 0600).value();
  ASSERT_TRUE(other.execute("BEGIN EXCLUSIVE"));
  fail_with(Hindrance::busy);
  EXPECT_EQ(trouble(), "busy");
  EXPECT_EQ(trouble(), "busy");
  ASSERT_TRUE(other.execute("COMMIT"));
  EXPECT_EQ(trouble(), "");
}

TEST_F(StoreWatchTest, ADamagedFileIsNotWellBecauseItsFirstPageCanBeWritten) {
  fail_with(Hindrance::damaged);
  EXPECT_EQ(trouble(), "damaged");
  EXPECT_EQ(trouble(), "damaged");
}

}  // namespace
}  // namespace mintmark::mintd
