#include "verify/request_url.h"

#include <gtest/gtest.h>

#include "support/mutations.h"

namespace mintmark::verify {
namespace {

constexpr const char* token_url = "https://server.example.com/token";

void expect_same(std::string_view url) { EXPECT_EQ(normal_request_url(url), token_url) << url; }
void expect_other(std::string_view url) {
  const auto normal = normal_request_url(url);
  ASSERT_TRUE(normal) << url;
  EXPECT_NE(*normal, token_url) << url;
}
void expect_none(std::string_view url) { EXPECT_EQ(normal_request_url(url), std::nullopt) << url; }

TEST(RequestUrl, IsOneWithoutItsQueryAndFragment) {
  expect_same("https://server.example.com/token?a=b");
  expect_same("https://server.example.com/token#x");
  expect_same("https://server.example.com/token?a=b#x/y%2Fz");
  expect_same("https://server.example.com/token?");
}

TEST(RequestUrl, IsOneWhateverTheCaseOfSchemeAndHost) {
  expect_same("HTTPS://server.example.com/token");
  expect_same("https://SERVER.Example.COM/token");
}

TEST(RequestUrl, IsOneWithItsDefaultPort) {
  expect_same("https://server.example.com:443/token");
  expect_same("https://server.example.com:/token");
  expect_same("https://server.example.com:0443/token");
  EXPECT_EQ(normal_request_url("http://a:80/"), "http://a/");
}

TEST(RequestUrl, IsOneHoweverItsPathIsEscaped) {
  expect_same("https://server.example.com/%74oken");
  expect_same("https://server.example.com/to%6Ben");
  EXPECT_EQ(normal_request_url("https://a/%c3%a4"), normal_request_url("https://a/%C3%A4"));
}

TEST(RequestUrl, IsOneWithoutItsDotSegments) {
  for (const char* path : {"./token", "a/../token", "../token", "a/b/../../token", "%2e/token",
                           "a/%2E%2e/token", "../../../token"}) {
    expect_same(std::string("https://server.example.com/") + path);
  }
  EXPECT_EQ(normal_request_url("https://a/b/.."), "https://a/");
  EXPECT_EQ(normal_request_url("https://a/b/."), "https://a/b/");
  EXPECT_EQ(normal_request_url("https://a/.."), "https://a/");
}

TEST(RequestUrl, WithoutAPathIsTheRoot) {
  for (const char* url :
       {"https://a", "https://a/", "https://a?x", "https://a#x", "https://a:443"}) {
    EXPECT_EQ(normal_request_url(url), "https://a/") << url;
  }
}

TEST(RequestUrl, OfAnotherPlaceStaysAnother) {
  for (const char* url :
       {"http://server.example.com/token", "https://server.example.com:8443/token",
        "https://server.example.com/Token", "https://server.example.com/token/",
        "https://server.example.com//token", "https://server.example.com/token%2F",
        "https://server.example.com./token",
        "https://evil.example/https://server.example.com/token",
        "https://server.example.com/a%2F..%2Ftoken", "https://server.example.com/.../token",
        "http://server.example.com:443/token"}) {
    expect_other(url);
  }
}

TEST(RequestUrl, BehindAFragmentOrQueryDoesNotCountAsHost) {
  expect_other("https://evil.example#@server.example.com/token");
  expect_other("https://evil.example?@server.example.com/token");
  expect_other("https://evil.example#.server.example.com/token");
}

TEST(RequestUrl, WithUserinfoIsNone) {
  expect_none("https://user@server.example.com/token");
  expect_none("https://user:secret@server.example.com/token");
  expect_none("https://@server.example.com/token");
  expect_none("https://server.example.com:443@evil.example/token");
}

TEST(RequestUrl, WithCharactersThatNoUrlHasIsNone) {
  for (const char* url :
       {"https://server.example.com\\@evil.example/token", "https://server.example.com/to ken",
        "https://server.example.com/token\n", "https://server.example.com/tok\xC3\xA9n",
        "https://server.example.com/<token>", "https://serv%65r.example.com/token",
        "https://server.example.com/to\"ken", " https://server.example.com/token",
        "https://server.example.com\t/token"}) {
    expect_none(url);
  }
  expect_none(std::string_view("https://a/\0b", 11));
}

TEST(RequestUrl, WithBrokenEscapesIsNone) {
  for (const char* url :
       {"https://a/%", "https://a/%2", "https://a/%zz", "https://a/%2g", "https://a/%%41"})
    expect_none(url);
}

TEST(RequestUrl, WithAPortThatIsNoneIsNone) {
  for (const char* url : {"https://a:x/", "https://a:0/", "https://a:65536/", "https://a:-1/",
                          "https://a:443x/", "https://a:+443/", "https://a:1:2/"}) {
    expect_none(url);
  }
}

TEST(RequestUrl, ThatIsNotAbsoluteOrNotHttpIsNone) {
  for (const char* url :
       {"", "/token", "server.example.com/token", "//server.example.com/token", "ftp://a/",
        "https:/a/", "https:a", "javascript://a/", "https://", "https:///token", "https://:443/"}) {
    expect_none(url);
  }
}

TEST(RequestUrl, WithAnIpv6HostIsOneInBrackets) {
  EXPECT_EQ(normal_request_url("https://[::1]:443/a"), "https://[::1]/a");
  EXPECT_EQ(normal_request_url("https://[FE80::1]:8443/a"), "https://[fe80::1]:8443/a");
  for (const char* url :
       {"https://[::1", "https://[]/", "https://[::1]x/", "https://[::g]/", "https://::1/"})
    expect_none(url);
}

TEST(RequestUrl, ThatIsTooLongIsNone) {
  const std::string url = "https://a/" + std::string(request_url_octets - 10, 'b');
  EXPECT_TRUE(normal_request_url(url));
  expect_none(url + "b");
}

TEST(RequestUrl, ThatIsSurelyNormalIsItsOwnSpelling) {
  EXPECT_TRUE(is_surely_normal("https://service.example/things/1"));
  EXPECT_TRUE(is_surely_normal("https://a-1.example/"));
  for (const char* other :
       {"", "https://", "https:///a", "https://a", "https://A/", "http://a/", "https://a:443/",
        "https://a@b/", "https://a/%7e", "https://a/b/../c", "https://a/./", "https://a/.b",
        "https://a/b?c", "https://a/b#c", "https://a/b\\c", "https://a/ ", "HTTPS://a/"}) {
    EXPECT_FALSE(is_surely_normal(other)) << other;
  }
  test::for_each_mutation("https://service.example/things/b.c/1", 5000, [](const std::string& url) {
    if (is_surely_normal(url)) {
      EXPECT_EQ(normal_request_url(url), url);
    }
  });
}

}  // namespace
}  // namespace mintmark::verify
