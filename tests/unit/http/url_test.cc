#include "http/url.h"

#include <gtest/gtest.h>

namespace mintmark::http {
namespace {

TEST(Url, ThatIsMalformedIsRefusedAndSaysWhy) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv,
                          "/path"sv,
                          "a.example"sv,
                          "https:/a.example"sv,
                          "https://"sv,
                          "https:///x"sv,
                          "ftp://a.example/"sv,
                          "file:///etc/passwd"sv,
                          "https://user@a.example/"sv,
                          "https://user:pw@a.example/"sv,
                          "https://a.example/#f"sv,
                          "https://a.example#f"sv,
                          "https://a.example:/"sv,
                          "https://a.example:0/"sv,
                          "https://a.example:65536/"sv,
                          "https://a.example:+1/"sv,
                          "https://a.example:1x/"sv,
                          "https://a.example:99999999999/"sv,
                          "https://a b/"sv,
                          "https://a.example/a b"sv,
                          "https://a.example/\n"sv,
                          "https://a.example/%"sv,
                          "https://a.example/%4"sv,
                          "https://a.example/%zz"sv,
                          "https://a.example/\xc3\xa9"sv,
                          "https://\xc3\xa9.example/"sv,
                          "https://a.example/<"sv,
                          "https://a.example\\@b.example/"sv,
                          "https://a.example/\\"sv,
                          "https://[::1/"sv,
                          "https://[]/"sv,
                          "https://[127.0.0.1]/"sv,
                          "https://[::1]x/"sv,
                          "https://[::g]/"sv,
                          "https://%61.example/"sv,
                          "https://::1/"sv,
                          "https://a\0b/"sv,
                          " https://a.example/"sv,
                          "https://a.example/ "sv}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::http_malformed) << text;
    EXPECT_FALSE(url.error().detail.empty()) << text;
  }
}

TEST(Url, WithALongHostIsRefused) {
  EXPECT_TRUE(parse_url("https://" + std::string(253, 'a') + "/"));
  EXPECT_FALSE(parse_url("https://" + std::string(254, 'a') + "/"));
}

struct GoodUrl {
  std::string_view text;
  std::string_view host;
  std::uint16_t port;
  std::string_view target;
  std::string_view origin;
};

TEST(Url, FallsIntoItsParts) {
  for (const auto& good :
       {GoodUrl{"https://a.example", "a.example", 443, "/", "https://a.example"},
        GoodUrl{"HTTPS://A.Example:443/X", "a.example", 443, "/X", "https://a.example"},
        GoodUrl{"https://a.example:8443/t?x=1%20", "a.example", 8443, "/t?x=1%20",
                "https://a.example:8443"},
        GoodUrl{"https://a.example?q", "a.example", 443, "/?q", "https://a.example"},
        GoodUrl{"http://127.0.0.1/", "127.0.0.1", 80, "/", "http://127.0.0.1"},
        GoodUrl{"https://[2001:DB8::1]:8443/", "2001:db8::1", 8443, "/",
                "https://[2001:db8::1]:8443"},
        GoodUrl{"https://[::1]", "::1", 443, "/", "https://[::1]"},
        GoodUrl{"https://a.example/@:/?a@b", "a.example", 443, "/@:/?a@b", "https://a.example"}}) {
    const auto url = parse_url(good.text);
    ASSERT_TRUE(url) << good.text;
    EXPECT_EQ(url->host, good.host);
    EXPECT_EQ(url->port, good.port);
    EXPECT_EQ(url->target, good.target);
    EXPECT_EQ(url->origin(), good.origin);
  }
}

}  // namespace
}  // namespace mintmark::http
