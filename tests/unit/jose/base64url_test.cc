#include "jose/base64url.h"

#include <gtest/gtest.h>

#include <set>

namespace mintmark::jose {
namespace {

void expect_refused(std::string_view text) {
  const auto octets = from_base64url(text);
  ASSERT_FALSE(octets) << text;
  EXPECT_EQ(octets.error().code, Code::base64_malformed) << text;
}

void expect_plain_refused(std::string_view text) {
  const auto octets = from_base64(text);
  ASSERT_FALSE(octets) << text;
  EXPECT_EQ(octets.error().code, Code::base64_malformed) << text;
}

TEST(Base64url, AgreesWithRfc4648Section10) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [octets, text] : vectors) {
    EXPECT_EQ(base64url(as_bytes(octets)), text);
    EXPECT_EQ(from_base64url(text).value(), to_bytes(as_bytes(octets)));
  }
}

TEST(Base64url, UsesTheAlphabetForUrls) {
  const Bytes octets{0xFB, 0xEF, 0xFF};
  EXPECT_EQ(base64url(octets), "--__");
  EXPECT_EQ(base64(octets), "++//");
  EXPECT_EQ(from_base64url("--__").value(), octets);
}

TEST(Base64url, GivesBackEveryLengthOfOctets) {
  for (std::size_t length = 0; length < 70; ++length) {
    const Bytes octets = random_bytes(length);
    EXPECT_EQ(from_base64url(base64url(octets)).value(), octets);
    EXPECT_EQ(from_base64(base64(octets)).value(), octets);
  }
}

TEST(Base64url, WithPaddingIsRefused) {
  expect_refused("Zg==");
  expect_refused("Zm8=");
  expect_refused("=");
}

TEST(Base64url, OfALengthThatNoOctetsHaveIsRefused) {
  expect_refused("Z");
  expect_refused("Zm9vY");
}

TEST(Base64url, WithWhiteSpaceIsRefused) {
  for (const char* text : {"Zm 9v", "Zm9v\n", " Zm9v", "Zm9v\r\n", "Zm\t9v"}) expect_refused(text);
}

TEST(Base64url, WithTheOtherAlphabetIsRefused) {
  for (const char* text : {"++//", "Zm+v", "Zm/v"}) expect_refused(text);
}

TEST(Base64url, WithAnyForeignOctetIsRefused) {
  for (int octet = 0; octet < 256; ++octet) {
    const char c = static_cast<char>(octet);
    if (std::isalnum(octet) != 0 && octet < 128) continue;
    if (c == '-' || c == '_') continue;
    expect_refused(std::string("Zm9") + c);
  }
}

TEST(Base64url, WithUnusedBitsSetIsRefusedBecauseTwoTextsWouldBeOne) {
  for (const char* text : {"Zh", "Zk", "Zp", "Zm9", "Zm-", "Zm_"}) expect_refused(text);
}

TEST(Base64, WithoutItsPaddingIsRefused) {
  for (const char* text : {"Zg", "Zm8", "Zg=", "Zg===", "Z===", "====", "Zg==Zg=="})
    expect_plain_refused(text);
}

TEST(Base64, WithTheAlphabetForUrlsIsRefused) {
  for (const char* text : {"--__", "Zm-v"}) expect_plain_refused(text);
}

TEST(RandomName, NeverBeginsAsAnOptionDoes) {
  std::set<std::string> names;
  for (int count = 0; count < 2000; ++count) {
    const std::string name = random_name(16);
    EXPECT_EQ(name.size(), 22U);
    EXPECT_NE(name.front(), '-');
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 2000U);
}

}  // namespace
}  // namespace mintmark::jose
