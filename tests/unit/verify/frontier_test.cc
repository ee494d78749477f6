#include "verify/frontier.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"

namespace mintmark::verify {
namespace {

const Moment now = from_unix(1'800'000'000);

Frontier some_frontier() {
  Frontier frontier;
  frontier.log = "a-log";
  frontier.seq = 7;
  frontier.head = next_head(empty_head("a-log"), R"({"seq":1})");
  frontier.ms = 1'800'000'000'123;
  frontier.bound = std::chrono::seconds{12};
  frontier.revoked_keys = {"kid-1", "kid-2"};
  return frontier;
}

jose::SigningInputParts written(const Frontier& frontier) {
  return jose::parse_signing_input(frontier_input(frontier, "https://issuer.example", "ES256",
                                                  "kid", now, std::chrono::seconds{60}))
      .value();
}

Json claims() { return written(some_frontier()).claims; }

TEST(Frontier, IsReadAsItWasWritten) {
  Frontier frontier = some_frontier();
  frontier.snapshot = jose::base64url(sha256("snapshot"));
  const auto read = read_frontier(written(frontier).claims);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->log, frontier.log);
  EXPECT_EQ(read->seq, frontier.seq);
  EXPECT_EQ(read->head, frontier.head);
  EXPECT_EQ(read->ms, frontier.ms);
  EXPECT_EQ(read->bound, frontier.bound);
  EXPECT_EQ(read->revoked_keys, frontier.revoked_keys);
  EXPECT_EQ(read->snapshot, frontier.snapshot);
}

TEST(Frontier, SaysWhoseItIsAndWhen) {
  const auto parts = written(some_frontier());
  EXPECT_EQ(parts.header,
            Json({{"typ", "mintmark-frontier+jwt"}, {"alg", "ES256"}, {"kid", "kid"}}));
  EXPECT_EQ(parts.claims["iss"], "https://issuer.example");
  EXPECT_EQ(parts.claims["iat"], 1'800'000'000);
  EXPECT_EQ(parts.claims["exp"], 1'800'000'060);
  EXPECT_FALSE(parts.claims.contains("snapshot"));
}

TEST(Frontier, TakesMembersThatItDoesNotKnow) {
  Json more = claims();
  more["later"] = "version";
  EXPECT_TRUE(read_frontier(more));
}

TEST(Frontier, IsRefusedWithoutAnyOfItsMembers) {
  for (const char* member : {"log", "seq", "head", "ms", "bound", "revoked_keys"}) {
    Json less = claims();
    less.erase(member);
    const auto read = read_frontier(less);
    ASSERT_FALSE(read) << member;
    EXPECT_EQ(read.error().code, Code::frontier_malformed) << member;
  }
  EXPECT_FALSE(read_frontier(Json::array()));
}

TEST(Frontier, IsRefusedWhereAMemberIsOfAnotherType) {
  const Json digest = jose::base64url(sha256(""));
  const std::vector<std::pair<const char*, Json>> bad{
      {"log", ""},
      {"log", 1},
      {"log", std::string(129, 'l')},
      {"seq", -1},
      {"seq", 1.5},
      {"seq", "1"},
      {"seq", std::uint64_t{1} << 54U},
      {"seq", ~std::uint64_t{0}},
      {"head", "AAAA"},
      {"head", digest.get<std::string>() + "="},
      {"head", 1},
      {"ms", "1"},
      {"ms", -1},
      {"bound", 0},
      {"bound", 86401},
      {"bound", 1.5},
      {"revoked_keys", "kid"},
      {"revoked_keys", Json::array({1})},
      {"revoked_keys", Json::array({""})},
      {"revoked_keys", Json(std::vector<std::string>(257, "kid"))},
      {"snapshot", "short"},
      {"snapshot", nullptr}};
  for (const auto& [member, value] : bad) {
    Json wrong = claims();
    wrong[member] = value;
    const auto read = read_frontier(wrong);
    ASSERT_FALSE(read) << member << " " << value.dump().substr(0, 60);
    EXPECT_EQ(read.error().code, Code::frontier_malformed);
  }
}

// As everybody else would compute it: docs/events.md.
TEST(Frontier, ChainsEntriesBySha256) {
  EXPECT_EQ(empty_head("log"), sha256("mintmark event log 1\nlog\n"));
  const Sha256 first = next_head(empty_head("log"), "{}");
  std::string text(as_text(empty_head("log")));
  EXPECT_EQ(first, sha256(text + "{}"));
  EXPECT_NE(next_head(first, "{}"), first);
  EXPECT_NE(empty_head("log"), empty_head("lo"));
}

}  // namespace
}  // namespace mintmark::verify
