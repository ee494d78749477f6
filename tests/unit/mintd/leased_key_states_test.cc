#include "programs/mintd/leased_key_states.h"

#include <gtest/gtest.h>

#include "support/scratch.h"

namespace mintmark::mintd {
namespace {

class LeasedJournal : public ::testing::Test {
 protected:
  static store::KeyRecord key(const std::string& id) {
    store::KeyRecord record;
    record.id = id;
    record.store = "main";
    record.purpose = "access-token";
    record.algorithm = "ES256";
    return record;
  }
  const test::Scratch scratch_;
  LeasedKeyStates journal_{std::move(store::open_key_state_store(scratch_ / "keys.db").value())};
};

TEST_F(LeasedJournal, IsWrittenAsLongAsTheLeaseIsHeld) {
  ASSERT_TRUE(journal_.put(key("a")));
  ASSERT_TRUE(journal_.put(key("b")));
  EXPECT_TRUE(journal_.forget("a"));
  EXPECT_TRUE(journal_.set_clock_mark(from_unix(1000)));
  EXPECT_EQ(journal_.list().value().size(), 1U);
  EXPECT_EQ(to_unix(journal_.clock_mark().value()), 1000);
}

TEST_F(LeasedJournal, IsWrittenNoMoreWhenTheLeaseIsLost) {
  ASSERT_TRUE(journal_.put(key("a")));
  journal_.lose_lease();
  for (const auto& refused :
       {journal_.put(key("b")), journal_.forget("a"), journal_.set_clock_mark(from_unix(1000))}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::lease_lost);
  }
  ASSERT_EQ(journal_.list().value().size(), 1U);
  EXPECT_EQ(journal_.list().value().front().id, "a");
  EXPECT_EQ(journal_.clock_mark().value(), Moment{});
}

}  // namespace
}  // namespace mintmark::mintd
