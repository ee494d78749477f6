// Tokens in memory: held, renewed ahead of their end while somebody uses them, given to users.
#include <gtest/gtest.h>

#include <future>

#include "agent/serve/given_tokens.h"
#include "agent/serve/token_source.h"
#include "fake_issuer.h"

namespace mintmark::agent::serve {
namespace {

using std::chrono::seconds;
using Time = std::chrono::steady_clock;

const TokenRequest wish{"urn:api", "read"};
const TokenRequest other_wish{"urn:api", "write"};
const Moment start = from_unix(1'800'000'000);

HeldToken token_of(const std::string& text, Moment from = start, seconds life = seconds{300}) {
  return {text, "read", "the-device", from, from + life, nullptr};
}

// --- what is held ---

TEST(HeldTokens, AreGivenUntilShortlyBeforeTheirEnd) {
  HeldTokens held;
  EXPECT_FALSE(held.ask(wish, start));
  held.came(wish, token_of("a"));
  EXPECT_EQ(held.ask(wish, start + seconds{269})->token, "a");
  EXPECT_FALSE(held.ask(wish, start + seconds{270}));
  EXPECT_FALSE(held.ask(other_wish, start));
}

TEST(HeldTokens, AreNotGivenByAClockThatWentBack) {
  HeldTokens held;
  held.came(wish, token_of("a"));
  EXPECT_FALSE(held.ask(wish, start - seconds{1}));
}

TEST(HeldTokens, AreAskedForFirstWhereSomebodyWaits) {
  HeldTokens held;
  EXPECT_FALSE(held.next(start, Time::now()));
  held.came(wish, token_of("a"));
  (void)held.ask(wish, start);
  (void)held.ask(other_wish, start);
  held.want(other_wish);
  EXPECT_EQ(held.next(start + seconds{260}, Time::now())->scope, "write");
}

TEST(HeldTokens, AreRenewedWhenThreeQuartersOfTheirLifeAreOver) {
  HeldTokens held;
  held.came(wish, token_of("a"));
  (void)held.ask(wish, start);
  EXPECT_FALSE(held.next(start + seconds{224}, Time::now()));
  EXPECT_EQ(held.next(start + seconds{225}, Time::now())->scope, "read");
}

TEST(HeldTokens, AreNotRenewedForNobody) {
  HeldTokens held;
  (void)held.ask(wish, start);
  held.came(wish, token_of("a", start + seconds{1}));
  EXPECT_FALSE(held.next(start + seconds{290}, Time::now()));
  (void)held.ask(wish, start + seconds{2});
  EXPECT_TRUE(held.next(start + seconds{290}, Time::now()));
  held.came(wish, token_of("b", start + seconds{226}));
  EXPECT_FALSE(held.next(start + seconds{500}, Time::now()));
}

TEST(HeldTokens, ThatAServiceRefusedAreGivenUpButForTheYoungest) {
  HeldTokens held;
  held.came(wish, token_of("a"));
  EXPECT_EQ(held.ask(wish, start + seconds{1}, "a")->token, "a");
  EXPECT_EQ(held.ask(wish, start + seconds{5}, "b")->token, "a");
  EXPECT_FALSE(held.ask(wish, start + seconds{5}, "a"));
  EXPECT_FALSE(held.ask(wish, start + seconds{5}));
}

TEST(HeldTokens, PauseLongerAfterEachFailureAndSayWhatFailed) {
  HeldTokens held;
  held.want(wish);
  Time::time_point at = Time::now();
  for (const int pause : {1, 2, 4, 8, 16, 30, 30, 30}) {
    held.failed(wish, {Code::policy_no_rule, "no"}, at);
    held.want(wish);
    EXPECT_FALSE(held.next(start, at + seconds{pause} - std::chrono::milliseconds{1})) << pause;
    const auto failure = held.pausing(wish, at);
    ASSERT_TRUE(failure) << pause;
    EXPECT_EQ(failure->code, Code::policy_no_rule);
    EXPECT_EQ(failure->retry_after, static_cast<std::uint32_t>(pause));
    EXPECT_FALSE(held.pausing(wish, at + seconds{pause})) << pause;
    EXPECT_TRUE(held.next(start, at + seconds{pause})) << pause;
    at += seconds{pause};
  }
  held.came(wish, token_of("a"));
  EXPECT_FALSE(held.pausing(wish, at));
}

TEST(HeldTokens, ServeOnWhenTheirRenewalFails) {
  HeldTokens held;
  held.came(wish, token_of("a"));
  held.failed(wish, {Code::unavailable, "away"}, Time::now());
  EXPECT_EQ(held.ask(wish, start + seconds{250})->token, "a");
}

TEST(HeldTokens, OfAFormerDeviceKeyAreGivenUp) {
  HeldTokens held;
  HeldToken former = token_of("a");
  former.jkt = "the-former";
  held.came(other_wish, former);
  held.came(wish, token_of("b"));
  EXPECT_FALSE(held.ask(other_wish, start));
  EXPECT_EQ(held.ask(wish, start)->token, "b");
}

TEST(HeldTokens, OfAFormerSessionKeyServeOn) {
  HeldTokens held;
  for (const auto& [request, text] : {std::pair{other_wish, "a"}, std::pair{wish, "b"}}) {
    HeldToken token = token_of(text);
    token.session = SessionKey::make(longest_session, start).value();
    token.jkt = token.session->jkt();
    held.came(request, token);
  }
  EXPECT_EQ(held.ask(other_wish, start)->token, "a");
}

TEST(HeldTokens, AreBoundedInNumber) {
  HeldTokens held(3);
  for (int i = 0; i < 10; ++i) {
    const TokenRequest one{"urn:" + std::to_string(i), "read"};
    held.came(one, token_of("t"));
    (void)held.ask(one, start + seconds{i});
  }
  EXPECT_FALSE(held.end_of({"urn:0", "read"}, start));
  EXPECT_FALSE(held.end_of({"urn:6", "read"}, start));
  for (const char* kept : {"urn:7", "urn:8", "urn:9"})
    EXPECT_EQ(held.end_of({kept, "read"}, start), start + seconds{300}) << kept;
}

// --- what was given to whom ---

TEST(GivenTokens, AreKnownOfTheirUserAlone) {
  GivenTokens given;
  given.give(token_of("a"), "urn:api", 1001, start);
  EXPECT_EQ(given.find("a", 1001, start)->audience, "urn:api");
  EXPECT_FALSE(given.find("a", 1002, start));
  EXPECT_FALSE(given.find("a", 0, start));
  EXPECT_FALSE(given.find("b", 1001, start));
  EXPECT_FALSE(given.find("", 1001, start));
  given.give(token_of("a"), "urn:api", 1002, start);
  EXPECT_TRUE(given.find("a", 1002, start));
}

TEST(GivenTokens, AreForgottenAtTheirEnd) {
  GivenTokens given;
  given.give(token_of("a"), "urn:api", 1001, start);
  EXPECT_TRUE(given.find("a", 1001, start + seconds{299}));
  EXPECT_FALSE(given.find("a", 1001, start + seconds{300}));
}

TEST(GivenTokens, AreBoundedInNumber) {
  GivenTokens given(2);
  given.give(token_of("short", start, seconds{10}), "urn:api", 1001, start);
  given.give(token_of("long"), "urn:api", 1001, start);
  given.give(token_of("third"), "urn:api", 1001, start);
  EXPECT_FALSE(given.find("short", 1001, start));
  EXPECT_TRUE(given.find("long", 1001, start));
  EXPECT_TRUE(given.find("third", 1001, start));
}

// --- where they come from ---

const std::string token_url = "https://issuer.example/token";

class Source : public testing::Test {
 protected:
  Source() { bench_.enroll(); }
  /// The bench's issuer is the source's thread's while there is one.
  TokenSource& open(std::optional<seconds> session_life = std::nullopt,
                    std::chrono::milliseconds patience = seconds{10}) {
    source_.emplace(bench_.agent(), bench_.clock, TokenSourceOptions{session_life, patience});
    return *source_;
  }
  std::size_t asked() {
    source_.reset();
    return bench_.issuer.seen_at(token_url).size();
  }
  static void await(const std::function<bool()>& condition) {
    const auto end = Time::now() + seconds{20};
    while (!condition() && Time::now() < end) std::this_thread::yield();
    ASSERT_TRUE(condition());
  }

  Bench bench_;
  std::optional<TokenSource> source_;
};

TEST_F(Source, AsksOnceForManyThatWait) {
  TokenSource& source = open();
  std::vector<std::future<Result<HeldToken>>> waiting;
  for (int i = 0; i < 8; ++i)
    waiting.push_back(std::async(std::launch::async, [&] { return source.token(wish); }));
  for (auto& one : waiting) EXPECT_EQ(one.get()->token, "token1");
  EXPECT_EQ(asked(), 1U);
}

TEST_F(Source, RenewsAheadWhatIsUsedWithoutBeingAsked) {
  TokenSource& source = open();
  ASSERT_EQ(source.token(wish)->token, "token1");
  const auto end = source.end_of(wish);
  bench_.clock.advance(seconds{230});
  await([&] { return source.end_of(wish) > end; });
  EXPECT_EQ(source.token(wish)->token, "token2");
  EXPECT_EQ(asked(), 2U);
}

TEST_F(Source, TellsWhoAsksAgainOfTheFailureAndDoesNotTroubleTheIssuer) {
  bench_.issuer.refuse_next(token_url, Code::policy_no_rule);
  TokenSource& source = open();
  for (int i = 0; i < 3; ++i) {
    const auto token = source.token(wish);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, Code::policy_no_rule);
    EXPECT_GT(token.error().retry_after, 0U);
  }
  EXPECT_EQ(asked(), 1U);
}

TEST_F(Source, BindsTokensToASessionKeyAndToAnotherOneInItsTime) {
  TokenSource& source = open(seconds{600});
  const auto first = source.token(wish);
  ASSERT_TRUE(first) << first.error().to_string();
  ASSERT_TRUE(first->session);
  EXPECT_EQ(first->jkt, first->session->jkt());
  EXPECT_EQ(source.session(), first->session);
  const auto second = source.token(other_wish);
  EXPECT_EQ(second->session, first->session);
  bench_.clock.advance(seconds{451});
  const auto third = source.token(wish);
  ASSERT_TRUE(third);
  EXPECT_NE(third->jkt, first->jkt);
  EXPECT_FALSE(first->session->is_over(bench_.clock.now()));
}

TEST_F(Source, OfTheDeviceKeyHasNoSession) {
  TokenSource& source = open();
  EXPECT_EQ(source.token(wish)->session, nullptr);
  EXPECT_EQ(source.session(), nullptr);
}

TEST_F(Source, KeepsNothingOnDisk) {
  ASSERT_TRUE(open().token(wish));
  EXPECT_TRUE(bench_.state().tokens()->empty());
}

TEST_F(Source, ReadsNothingThatAnotherProcessKept) {
  ASSERT_EQ(*bench_.agent().token(wish), "token1");
  EXPECT_EQ(open().token(wish)->token, "token2");
  EXPECT_EQ(bench_.state().tokens()->size(), 1U);
}

}  // namespace
}  // namespace mintmark::agent::serve
