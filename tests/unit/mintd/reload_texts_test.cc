#include <gtest/gtest.h>

#include "programs/mintd/control.h"

namespace mintmark::mintd {
namespace {

std::string packed(const std::string& key = "KEY") {
  ReloadTexts texts;
  texts.config_name = "mintd.json";
  texts.config = "{\"a\": 1}\n";
  texts.policy = std::string("3:abc\0", 6);
  texts.tls_certificate = "";
  texts.tls_key = key;
  return texts.packed();
}

TEST(ReloadTexts, ComeBackAsTheyWent) {
  const auto texts = ReloadTexts::from(packed());
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->config_name, "mintd.json");
  EXPECT_EQ(texts->config, "{\"a\": 1}\n");
  EXPECT_EQ(texts->policy, std::string("3:abc\0", 6));
  EXPECT_EQ(texts->tls_certificate, "");
  EXPECT_EQ(texts->tls_key, "KEY");
}

TEST(ReloadTexts, ThatAreCutOrLongerAreRefused) {
  const std::string whole = packed();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto texts = ReloadTexts::from(std::string_view(whole).substr(0, size));
    ASSERT_FALSE(texts) << size;
    EXPECT_EQ(texts.error().code, Code::internal);
  }
  EXPECT_FALSE(ReloadTexts::from(whole + "x"));
  EXPECT_FALSE(ReloadTexts::from("99999999999999999999999:a"));
  EXPECT_FALSE(ReloadTexts::from("-1:a"));
}

}  // namespace
}  // namespace mintmark::mintd
