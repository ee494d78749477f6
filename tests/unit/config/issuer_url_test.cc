#include "config/issuer_url.h"

#include <gtest/gtest.h>

namespace mintmark::config {
namespace {

bool refused(std::string_view url, std::string_view because) {
  return wrong_with_issuer(url).find(because) != std::string::npos;
}

TEST(IssuerUrl, MayHaveHostPortAndPath) {
  EXPECT_EQ(wrong_with_issuer("https://issuer.example"), "");
  EXPECT_EQ(wrong_with_issuer("https://issuer.example:8443"), "");
  EXPECT_EQ(wrong_with_issuer("https://issuer.example/tenant/A_1~.-"), "");
  EXPECT_EQ(wrong_with_issuer("https://127.0.0.1:1"), "");
  EXPECT_EQ(wrong_with_issuer("https://[::1]"), "");
  EXPECT_EQ(wrong_with_issuer("https://[fe80::1]:65535/a"), "");
}

TEST(IssuerUrl, OfAnotherSchemeIsRefused) {
  EXPECT_TRUE(refused("http://issuer.example", "https"));
  EXPECT_TRUE(refused("HTTPS://issuer.example", "https"));
  EXPECT_TRUE(refused("issuer.example", "https"));
  EXPECT_TRUE(refused("", "https"));
}

TEST(IssuerUrl, WithoutHostIsRefused) {
  EXPECT_TRUE(refused("https://", "have a host"));
  EXPECT_TRUE(refused("https:///a", "have a host"));
  EXPECT_TRUE(refused("https://:443", "have a host"));
}

TEST(IssuerUrl, WithUserInfoIsRefused) {
  EXPECT_TRUE(refused("https://me@issuer.example", "user name"));
  EXPECT_TRUE(refused("https://me:secret@issuer.example", "user name"));
}

TEST(IssuerUrl, WithQueryIsRefused) { EXPECT_TRUE(refused("https://a.example/b?c", "query")); }

TEST(IssuerUrl, WithFragmentIsRefused) { EXPECT_TRUE(refused("https://a.example#b", "fragment")); }

TEST(IssuerUrl, WithTrailingSlashIsRefused) {
  EXPECT_TRUE(refused("https://a.example/", "slash"));
  EXPECT_TRUE(refused("https://a.example/b/", "slash"));
}

TEST(IssuerUrl, WithUpperCaseHostIsRefused) {
  EXPECT_TRUE(refused("https://Issuer.example", "lower-case"));
}

TEST(IssuerUrl, WithForeignCharactersInItsHostIsRefused) {
  EXPECT_TRUE(refused("https://is suer.example", "lower-case"));
  EXPECT_TRUE(refused("https://iss_uer.example", "lower-case"));
  EXPECT_TRUE(refused("https://a%41.example", "lower-case"));
}

TEST(IssuerUrl, WithAnEmptyLabelIsRefused) {
  EXPECT_TRUE(refused("https://a..example", "label"));
  EXPECT_TRUE(refused("https://.example", "label"));
  EXPECT_TRUE(refused("https://example.", "label"));
}

TEST(IssuerUrl, WithABrokenIpv6AddressIsRefused) {
  EXPECT_TRUE(refused("https://[::1", "IPv6"));
  EXPECT_TRUE(refused("https://[]", "IPv6"));
  EXPECT_TRUE(refused("https://[::G]", "IPv6"));
}

TEST(IssuerUrl, WithAPortThatIsNoneIsRefused) {
  EXPECT_TRUE(refused("https://a.example:", "port"));
  EXPECT_TRUE(refused("https://a.example:0", "port"));
  EXPECT_TRUE(refused("https://a.example:0443", "port"));
  EXPECT_TRUE(refused("https://a.example:65536", "port"));
  EXPECT_TRUE(refused("https://a.example:999999", "port"));
  EXPECT_TRUE(refused("https://a.example:44a", "port"));
}

TEST(IssuerUrl, WithAPathInSeveralSpellingsIsRefused) {
  EXPECT_TRUE(refused("https://a.example/b//c", "segment"));
  EXPECT_TRUE(refused("https://a.example/./b", "segment"));
  EXPECT_TRUE(refused("https://a.example/b/..", "segment"));
  EXPECT_TRUE(refused("https://a.example/%41", "path of letters"));
}

TEST(IssuerUrl, ThatIsTooLongIsRefused) {
  EXPECT_TRUE(refused("https://a.example/" + std::string(600, 'a'), "512"));
}

}  // namespace
}  // namespace mintmark::config
