// The names of purposes and keys, as they stand in labels, on the wire and in the journal.
#include "hsm/key_store.h"

#include <gtest/gtest.h>

namespace mintmark::hsm {
namespace {

TEST(PurposeName, IsReadBackAsThePurpose) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(Purpose::tls); ++i) {
    const auto purpose = static_cast<Purpose>(i);
    EXPECT_EQ(purpose_named(name_of(purpose)).value(), purpose) << name_of(purpose);
  }
}

TEST(PurposeName, ThatIsNoneIsRefused) {
  for (const char* name : {"", "tea", "unknown", "Access_token", "access_token "}) {
    const auto purpose = purpose_named(name);
    ASSERT_FALSE(purpose) << name;
    EXPECT_EQ(purpose.error().code, Code::invalid_argument);
  }
  EXPECT_EQ(name_of(static_cast<Purpose>(99)), "unknown");
}

TEST(KeyIdText, IsReadBackAsTheId) {
  const KeyId id = random_key_id();
  EXPECT_EQ(key_id_from(to_string(id)).value(), id);
}

TEST(KeyIdText, ThatIsNot32HexadecimalDigitsIsRefused) {
  const std::string good(32, 'a');
  EXPECT_TRUE(key_id_from(good));
  for (const std::string& bad :
       {std::string(), good.substr(1), good.substr(2), good + "aa", good.substr(1) + "g"}) {
    const auto id = key_id_from(bad);
    ASSERT_FALSE(id) << bad;
    EXPECT_EQ(id.error().code, Code::invalid_argument);
  }
}

}  // namespace
}  // namespace mintmark::hsm
