#include "policy/names.h"

#include <gtest/gtest.h>

namespace mintmark::policy {
namespace {

TEST(Audience, MayBeAnyAbsoluteUri) {
  for (const auto* text : {"https://api.example", "http://localhost:1/a?b=c", "urn:example:api",
                           "tag:a,2026:b", "https://api.example/%7Ea/", "a:b"}) {
    EXPECT_EQ(wrong_with_audience(text), "") << text;
  }
}

TEST(Audience, WithoutSchemeIsRefused) {
  for (const auto* text :
       {"", "api", "api.example/a", "//api.example", ":a", "1a:b", "/a:b", "a b:c"}) {
    EXPECT_NE(wrong_with_audience(text), "") << text;
  }
}

TEST(Audience, WithNothingAfterItsSchemeIsRefused) {
  for (const auto* text :
       {"urn:", "https:", "https:api.example", "https://", "https:///a", "http:/a"}) {
    EXPECT_NE(wrong_with_audience(text), "") << text;
  }
}

TEST(Audience, WithAFragmentIsRefused) {
  EXPECT_NE(wrong_with_audience("https://api.example#a").find("fragment"), std::string::npos);
  EXPECT_NE(wrong_with_audience("https://api.example/#"), "");
}

TEST(Audience, WithForeignCharactersIsRefused) {
  for (const auto* text :
       {"https://api.example/a b", "https://api.example/\"", "https://api.example/<", "urn:a\\b",
        "urn:\xC3\xA4", "urn:a\n", "urn:a%", "urn:a%4", "urn:a%4g"}) {
    EXPECT_NE(wrong_with_audience(text), "") << text;
  }
}

TEST(Audience, ThatIsTooLongIsRefused) {
  EXPECT_NE(wrong_with_audience("urn:" + std::string(600, 'a')), "");
}

TEST(Scope, MayHoldVisibleAsciiButQuoteAndBackslash) {
  for (const auto* text : {"read", "a:b/c.d", "!", "~", "#[]^_`{|}"})
    EXPECT_EQ(wrong_with_scope(text), "") << text;
}

TEST(Scope, OfOtherCharactersIsRefused) {
  for (const auto* text : {"", " ", "a b", "a\"", "a\\b", "a\t", "\x7f", "\xC3\xA4"}) {
    EXPECT_NE(wrong_with_scope(text), "") << text;
  }
  EXPECT_NE(wrong_with_scope(std::string(129, 'a')), "");
}

TEST(Manufacturer, IsAVendorIdOrAName) {
  EXPECT_EQ(wrong_with_manufacturer("Apple"), "");
  EXPECT_EQ(wrong_with_manufacturer("id:49465800"), "");
  EXPECT_EQ(wrong_with_manufacturer("id:0000101a"), "");
  for (const auto* text :
       {"", "49465800", "id:4946580", "id:494658000", "ID:49465800", "id:4946580g"}) {
    EXPECT_NE(wrong_with_manufacturer(text), "") << text;
  }
}

TEST(Sha256Text, Has64HexadecimalDigits) {
  EXPECT_EQ(wrong_with_sha256(std::string(64, 'a')), "");
  EXPECT_EQ(wrong_with_sha256(std::string(64, 'F')), "");
  EXPECT_NE(wrong_with_sha256(std::string(63, 'a')), "");
  EXPECT_NE(wrong_with_sha256(std::string(65, 'a')), "");
  EXPECT_NE(wrong_with_sha256(std::string(64, 'g')), "");
}

TEST(PcrIndex, IsANumberInOneSpelling) {
  EXPECT_EQ(pcr_index("0"), 0U);
  EXPECT_EQ(pcr_index("23"), 23U);
  for (const auto* text :
       {"", "24", "99", "07", "-1", "+1", " 1", "1 ", "a", "000", "4294967296"}) {
    EXPECT_FALSE(pcr_index(text)) << text;
  }
}

}  // namespace
}  // namespace mintmark::policy
