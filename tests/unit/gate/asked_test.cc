// What is asked: the path, the rule for it, the proxy's words for the request, its Authorization,
// and who asks.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "gate/original.h"
#include "gate/rules.h"
#include "gate/services.h"
#include "gate/target.h"
#include "http/peers.h"
#include "http/request_reader.h"
#include "unit/gate/samples.h"
#include "verify/authorization.h"

namespace mintmark::gate {
namespace {

constexpr const char* origin = "https://api.example";

std::string path_of(std::string_view text) {
  const auto target = read_target(text, origin);
  return target ? target->path : std::string(facts_of(target.error().code).name);
}

TEST(Target, IsThePathDecodedOnceWithoutItsQuery) {
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/orders/7?next=/../admin"), "/orders/7");
  EXPECT_EQ(path_of("/a%20b"), "/a b");
  EXPECT_EQ(path_of("/caf%C3%A9"), "/caf\xC3\xA9");
  EXPECT_EQ(path_of("/100%25"), "/100%");
  EXPECT_EQ(path_of("/.well-known/...x/a..b/"), "/.well-known/...x/a..b/");
  const auto target = read_target("/%C3%A9?b", origin);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->raw, "/%C3%A9");
}

TEST(Target, ThatServersReadInTwoWaysIsRefused) {
  for (const char* text :
       {"/a/../admin",   "/a/..",         "/a/./b",          "/.",       "/a/%2e%2e/admin",
        "/a/.%2E/admin", "/a/..;x/admin", "/a/..%3bx/admin", "/admin;x", "/a/%2e%2e%20/b",
        "/a%2fb",        "/a%2Fb",        "/a\\b",           "/a%5cb",   "/%252e%252e/admin",
        "/a%252fb",      "/a%25%32%66b",  "/%2525%32%65",    "//admin",  "/a//b",
        "/a//",          "/a%3fb",        "/a%23b",          "/%61dmin", "/admin%2e",
        "/%7Ea",         "/a%2Db",        "/a%5fb",          "/%5A",     "/a%39"})
    EXPECT_EQ(path_of(text), "gate_path_ambiguous") << text;
}

TEST(Target, ThatIsNoPathIsRefused) {
  for (const char* text : {"",
                           "*",
                           "admin",
                           "?a",
                           "api.example:443",
                           "/a%",
                           "/a%2",
                           "/a%zz",
                           "/a%00b",
                           "/a%0d%0aX: y",
                           "/a%7f",
                           "/a b",
                           "/a\tb",
                           "/a#b",
                           "/a?b#c",
                           "/a<b",
                           "/a[b",
                           "/caf\xC3\xA9",
                           "/a%C0%AE%C0%AE",
                           "/%ff",
                           "/a%ED%A0%80"})
    EXPECT_EQ(path_of(text), "gate_path_malformed") << text;
  EXPECT_EQ(path_of(std::string("/a\0b", 4)), "gate_path_malformed");
  EXPECT_EQ(path_of("/" + std::string(longest_path - 1, 'a')).size(), longest_path);
  EXPECT_EQ(path_of("/" + std::string(longest_path, 'a')), "gate_path_malformed");
}

TEST(Target, InAbsoluteFormIsOfItsOwnOriginAlone) {
  EXPECT_EQ(path_of("https://api.example/a?b"), "/a");
  for (const char* text :
       {"https://other.example/a", "http://api.example/a", "https://api.example.evil/a",
        "https://api.example@evil/a", "https://api.example:444/a", "HTTPS://api.example/a"})
    EXPECT_EQ(path_of(text), "gate_origin_unknown") << text;
  EXPECT_EQ(path_of("https://api.example"), "gate_path_malformed");
}

Demand demand(const std::string& audience) {
  Demand made;
  made.audience = audience;
  return made;
}

class RulesFor : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(rules_.add("/*", {"GET"}, demand("all")));
    ASSERT_TRUE(rules_.add("/orders/*", {"GET", "POST"}, demand("orders")));
    ASSERT_TRUE(rules_.add("/orders/archive/*", {"*"}, demand("archive")));
    ASSERT_TRUE(rules_.add("/orders/new", {"POST"}, demand("new")));
  }
  [[nodiscard]] std::string found(std::string_view method, std::string_view path) const {
    const auto demand = rules_.find(method, path);
    return demand ? (*demand)->audience : std::string(facts_of(demand.error().code).name);
  }
  Rules rules_;
};

TEST_F(RulesFor, APathAreTheMostSpecificOnes) {
  EXPECT_EQ(found("GET", "/"), "all");
  EXPECT_EQ(found("GET", "/other/x"), "all");
  EXPECT_EQ(found("GET", "/orders/7"), "orders");
  EXPECT_EQ(found("POST", "/orders/new"), "new");
  EXPECT_EQ(found("DELETE", "/orders/archive/7/8"), "archive");
}

TEST_F(RulesFor, APrefixEndAtASegment) {
  EXPECT_EQ(found("GET", "/orders"), "orders");
  EXPECT_EQ(found("GET", "/orders/"), "orders");
  EXPECT_EQ(found("GET", "/ordersx"), "all");
  EXPECT_EQ(found("GET", "/orders/archivex"), "orders");
}

TEST_F(RulesFor, APathHoldWithASlashBehindItToo) {
  EXPECT_EQ(found("POST", "/orders/new/"), "new");
  EXPECT_EQ(found("GET", "/orders/new/"), "gate_method_refused");
}

TEST_F(RulesFor, AnotherPathNeverStepInForAMethod) {
  EXPECT_EQ(found("GET", "/orders/new"), "gate_method_refused");
  EXPECT_EQ(found("DELETE", "/orders/7"), "gate_method_refused");
  EXPECT_EQ(found("get", "/orders/7"), "gate_method_refused");
}

TEST_F(RulesFor, GetServeHeadAndNothingElse) {
  EXPECT_EQ(found("HEAD", "/orders/7"), "orders");
  EXPECT_EQ(found("HEAD", "/orders/new"), "gate_method_refused");
  EXPECT_EQ(found("OPTIONS", "/orders/7"), "gate_method_refused");
}

TEST_F(RulesFor, AMethodStandOnce) {
  EXPECT_FALSE(rules_.add("/orders/*", {"GET"}, demand("again")));
  EXPECT_FALSE(rules_.add("/orders/new/", {"POST"}, demand("again")));
}

TEST(Rules, WithoutOneLetNobodyIn) {
  Rules rules;
  EXPECT_EQ(rules.find("GET", "/").error().code, Code::gate_no_rule);
  ASSERT_TRUE(rules.add("/a", {"*"}, demand("a")));
  EXPECT_EQ(rules.find("GET", "/").error().code, Code::gate_no_rule);
  EXPECT_EQ(rules.find("GET", "/a/b").error().code, Code::gate_no_rule);
  EXPECT_EQ(rules.find("GET", "/A").error().code, Code::gate_no_rule);
}

TEST(Services, AreFoundByAnySpellingOfTheirOriginAndNoOther) {
  Services services;
  const auto rules = std::make_shared<const Rules>();
  ASSERT_TRUE(services.add("https://api.example", rules));
  ASSERT_TRUE(services.add("https://api.example:8443", rules));
  EXPECT_FALSE(services.add("https://api.example", rules));
  for (const char* host : {"api.example", "API.example", "api.example:443"}) {
    const auto place = services.find("https", host);
    ASSERT_TRUE(place) << host;
    EXPECT_EQ((*place)->origin, "https://api.example");
  }
  EXPECT_EQ((*services.find("https", "Api.Example:8443"))->origin, "https://api.example:8443");
  for (const char* host : {"", "other.example", "api.example.", "api.example:444", "api.example/",
                           "api.example/x", "user@api.example", "api.example?x", "api.example#",
                           "api.example, api.example", "api.example:443:443", "api.example "})
    EXPECT_EQ(services.find("https", host).error().code, Code::gate_origin_unknown) << host;
  EXPECT_EQ(services.find("http", "api.example").error().code, Code::gate_origin_unknown);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

http::Request request(const Fields& fields) {
  http::Request made;
  for (const auto& [name, value] : fields) made.headers.add(name, value);
  return made;
}

std::string read(const Sample& sample, const http::Request& check) {
  const auto original = read_original(check, sample.dialect, sample.prefix);
  if (!original) return std::string(facts_of(original.error().code).name);
  std::string text(original->method);
  for (const auto part : {original->scheme, original->host, original->uri})
    text.append(" ").append(part);
  return text;
}

TEST(Original, IsReadAsEachProxyTellsIt) {
  for (const Sample& sample : samples) EXPECT_EQ(read(sample, parsed(sample.octets)), sample.read);
}

/// The headers that a dialect reads.
std::vector<std::string> names_of(Dialect dialect) {
  if (dialect == Dialect::envoy) return {"host", "x-forwarded-proto"};
  const std::string begin = dialect == Dialect::nginx ? "X-Original-" : "X-Forwarded-";
  const bool nginx = dialect == Dialect::nginx;
  return {begin + "Method", begin + (nginx ? "Scheme" : "Proto"), begin + "Host",
          begin + (nginx ? "URI" : "Uri")};
}

http::Request changed(const Sample& sample, const std::string& name, std::size_t times) {
  http::Request check = parsed(sample.octets);
  const http::Headers whole = std::exchange(check.headers, {});
  for (const auto& [own, value] : whole.fields()) {
    for (std::size_t i = 0; i < (own == name ? times : 1); ++i) check.headers.add(own, value);
  }
  return check;
}

TEST(Original, WithoutOneOfItsHeadersIsRefused) {
  for (const Sample& sample : samples) {
    for (const std::string& name : names_of(sample.dialect))
      EXPECT_EQ(read(sample, changed(sample, name, 0)), "gate_header_missing") << name;
  }
}

TEST(Original, WithOneOfItsHeadersTwiceIsRefused) {
  for (const Sample& sample : samples) {
    for (const std::string& name : names_of(sample.dialect))
      EXPECT_EQ(read(sample, changed(sample, name, 2)), "gate_header_repeated") << name;
  }
}

TEST(Original, InAnotherProxysWordsIsNotUnderstood) {
  for (const Sample& sample : samples) {
    Sample other = sample;
    other.dialect = sample.dialect == Dialect::nginx ? Dialect::caddy : Dialect::nginx;
    EXPECT_EQ(read(other, parsed(sample.octets)), "gate_header_missing");
  }
  Sample prefix = samples.back();
  prefix.prefix = "/other";
  EXPECT_EQ(read(prefix, parsed(prefix.octets)), "gate_header_missing");
}

TEST(Original, WithAMethodOrSchemeThatIsNoneIsRefused) {
  for (const auto& [name, value] : Fields{{"X-Original-Method", "GE T"},
                                          {"X-Original-Scheme", "HTTPS"},
                                          {"X-Original-Scheme", "https,http"},
                                          {"X-Original-Scheme", "ftp"}}) {
    http::Request wrong = parsed(samples.front().octets);
    wrong.headers.set(name, value);
    EXPECT_EQ(read(samples.front(), wrong), "gate_header_malformed") << value;
  }
}

std::string authorized(const Fields& fields) {
  const http::Request check = request(fields);
  const auto read = verify::read_authorization(check.headers);
  if (!read) return std::string(facts_of(read.error().code).name);
  return (read->scheme == Scheme::dpop ? "dpop " : "bearer ") + std::string(read->token);
}

TEST(AuthorizationHeader, IsASchemeOneSpaceAndAToken) {
  EXPECT_EQ(authorized({{"authorization", "DPoP ab.c-d_~+/=="}}), "dpop ab.c-d_~+/==");
  EXPECT_EQ(authorized({{"Authorization", "dPoP x"}}), "dpop x");
  EXPECT_EQ(authorized({{"Authorization", "bearer x"}}), "bearer x");
}

TEST(AuthorizationHeader, ThatIsSomethingElseIsRefusedByName) {
  EXPECT_EQ(authorized({}), "token_missing");
  EXPECT_EQ(authorized({{"Authorization", "Basic dTpw"}}), "token_missing");
  EXPECT_EQ(authorized({{"Authorization", "DPoPx y"}}), "token_missing");
  EXPECT_EQ(authorized({{"Authorization", ""}}), "token_missing");
  EXPECT_EQ(authorized({{"Authorization", "DPoP x"}, {"authorization", "DPoP x"}}),
            "authorization_repeated");
  for (const char* value : {"DPoP", "DPoP ", "DPoP  x", "DPoP x y", "DPoP x, Bearer y",
                            "DPoP \"x\"", "DPoP x=y", "DPoP =", "Bearer token=x"})
    EXPECT_EQ(authorized({{"Authorization", value}}), "authorization_malformed") << value;
}

http::Request from(const std::string& peer) {
  http::Request made;
  made.peer = peer;
  return made;
}

TEST(Peers, AreTrustedByAddressOrUserAndNotByDefault) {
  http::Peers peers;
  EXPECT_FALSE(peers.trust(from("127.0.0.1:1")));
  for (const char* text : {"127.0.0.1", "192.0.2.0/24", "2001:db8::/33"})
    peers.networks.push_back(*Network::parse(text));
  peers.users = {33};
  for (const char* peer :
       {"127.0.0.1:1", "[::ffff:127.0.0.1]:1", "192.0.2.255:9", "[2001:db8:7fff::1]:1"})
    EXPECT_TRUE(peers.trust(from(peer))) << peer;
  for (const char* peer : {"127.0.0.2:1", "192.0.3.0:1", "[2001:db8:8000::1]:1", "[::1]:1",
                           "unix:uid=33", "unix:", "", "[]", ":", "192.0.2.1"})
    EXPECT_FALSE(peers.trust(from(peer))) << peer;
  http::Request local = from("unix:uid=33");
  local.local_peer = std::make_shared<http::LocalPeer>(http::LocalPeer{33, {}});
  EXPECT_TRUE(peers.trust(local));
  local.local_peer = std::make_shared<http::LocalPeer>(http::LocalPeer{0, {}});
  EXPECT_FALSE(peers.trust(local));
}

TEST(Network, IsAnAddressAndAPrefixWithoutBitsBehindIt) {
  for (const char* text : {"0.0.0.0/0", "::/0", "10.0.0.0/8", "::1/128", "192.0.2.1/32"})
    EXPECT_TRUE(Network::parse(text)) << text;
  for (const char* text : {"", "/8", "10.0.0.0/33", "::/129", "10.0.0.1/8", "10.0.0.0/", "10/8",
                           "localhost", "10.0.0.0/8 ", "10.0.0.0/-1", "10.0.0.0/8/8"})
    EXPECT_FALSE(Network::parse(text)) << text;
}

}  // namespace
}  // namespace mintmark::gate
