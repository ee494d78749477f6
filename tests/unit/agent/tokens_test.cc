#include "agent/tokens.h"

#include <gtest/gtest.h>

namespace mintmark::agent {
namespace {

constexpr std::int64_t start = 1'000'000;

CachedToken token_of(std::int64_t life, const std::string& audience = "a",
                     const std::string& jkt = "k") {
  return {audience, "s", jkt, "t", from_unix(start), from_unix(start + life)};
}

TEST(CachedTokenRule, ALongTokenIsUsedUntilThirtySecondsBeforeItsEnd) {
  EXPECT_TRUE(is_fresh(token_of(3600), from_unix(start + 3569)));
  EXPECT_FALSE(is_fresh(token_of(3600), from_unix(start + 3570)));
}

TEST(CachedTokenRule, AShortTokenIsUsedUntilATenthOfItsLifeIsLeft) {
  EXPECT_TRUE(is_fresh(token_of(60), from_unix(start + 53)));
  EXPECT_FALSE(is_fresh(token_of(60), from_unix(start + 54)));
}

TEST(CachedTokenRule, ATokenFromTheFutureIsNotUsed) {
  EXPECT_FALSE(is_fresh(token_of(300), from_unix(start - 1)));
}

TEST(CachedTokenRule, ATokenWithoutLifeIsNotUsed) {
  EXPECT_FALSE(is_fresh(token_of(0), from_unix(start)));
}

TEST(CachedTokenRule, OnlyWhatWasAskedForInTheseWordsIsFound) {
  const std::vector<CachedToken> tokens = {token_of(300)};
  const Moment now = from_unix(start);
  EXPECT_NE(find_fresh(tokens, {"a", "s"}, "k", now), nullptr);
  EXPECT_EQ(find_fresh(tokens, {"b", "s"}, "k", now), nullptr);
  EXPECT_EQ(find_fresh(tokens, {"a", ""}, "k", now), nullptr);
  EXPECT_EQ(find_fresh(tokens, {"", "s"}, "k", now), nullptr);
  EXPECT_EQ(find_fresh(tokens, {"a", "s"}, "another key", now), nullptr);
}

TEST(CachedTokenRule, ANewTokenReplacesItsOldAndDropsWhatIsOver) {
  std::vector<CachedToken> tokens = {token_of(300), token_of(300, "b"), token_of(10, "c"),
                                     token_of(300, "d", "old key")};
  CachedToken fresh = token_of(600);
  fresh.token = "new";
  tokens = with_token(std::move(tokens), fresh, from_unix(start + 9));
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].audience, "b");
  EXPECT_EQ(tokens[1].token, "new");
}

TEST(CachedTokenRule, ATokenOfACertificateIsAnotherOneThanThatOfTheKey) {
  CachedToken bound = token_of(300);
  bound.certificate = "x";
  const Moment now = from_unix(start);
  EXPECT_EQ(find_fresh({bound}, {"a", "s"}, "k", now), nullptr);
  EXPECT_EQ(find_fresh({bound}, {"a", "s"}, "k", now, "y"), nullptr);
  EXPECT_EQ(find_fresh({token_of(300)}, {"a", "s"}, "k", now, "x"), nullptr);
  const std::vector<CachedToken> both{token_of(300), bound};
  EXPECT_EQ(find_fresh(both, {"a", "s"}, "k", now, "x"), &both[1]);
  CachedToken next = bound;
  next.certificate = "y";
  const auto left = with_token(both, next, now);
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].certificate, "");
  EXPECT_EQ(left[1].certificate, "y");
}

TEST(CachedTokenRule, AScopeIsASetOfWords) {
  EXPECT_EQ(normalised_scope("b a b"), "a b");
  EXPECT_EQ(normalised_scope("  a   b "), "a b");
  EXPECT_EQ(normalised_scope(""), "");
}

}  // namespace
}  // namespace mintmark::agent
