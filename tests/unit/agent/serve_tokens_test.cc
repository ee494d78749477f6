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

const Wish wish{1001, "the-device", {"urn:api", "read"}};
const Wish other_wish{1001, "the-device", {"urn:api", "write"}};
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
  EXPECT_EQ(held.next(start + seconds{260}, Time::now())->request.scope, "write");
}

TEST(HeldTokens, AreRenewedWhenThreeQuartersOfTheirLifeAreOver) {
  HeldTokens held;
  held.came(wish, token_of("a"));
  (void)held.ask(wish, start);
  EXPECT_FALSE(held.next(start + seconds{224}, Time::now()));
  EXPECT_EQ(held.next(start + seconds{225}, Time::now())->request.scope, "read");
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

TEST(HeldTokens, OfAFormerEnrolmentAreGivenUp) {
  HeldTokens held;
  Wish former = other_wish;
  former.enrolment = "the-former";
  HeldToken of_former = token_of("a");
  of_former.enrolment = "the-former";
  of_former.session = SessionKey::make(longest_session, start).value();
  held.came(former, of_former);
  EXPECT_FALSE(held.ask(other_wish, start));
  EXPECT_TRUE(held.ask(former, start));
  held.came(wish, token_of("b"));
  EXPECT_FALSE(held.ask(former, start));
  EXPECT_EQ(held.ask(wish, start)->token, "b");
}

TEST(HeldTokens, ThatCameForAnotherEnrolmentThanWasMeantAreNotGiven) {
  HeldTokens held;
  HeldToken anew = token_of("a");
  anew.enrolment = "the-new-one";
  held.want(wish);
  const auto before = held.tries(wish);
  held.came(wish, anew);
  EXPECT_NE(held.tries(wish), before);
  EXPECT_FALSE(held.ask(wish, start));
}

TEST(HeldTokens, OfAFormerSessionKeyServeOn) {
  HeldTokens held;
  for (const auto& [request, text] : {std::pair{other_wish, "a"}, std::pair{wish, "b"}}) {
    HeldToken token = token_of(text);
    token.session = SessionKey::make(longest_session, start).value();
    held.came(request, token);
  }
  EXPECT_EQ(held.ask(other_wish, start)->token, "a");
}

Wish of(uid_t user, const std::string& audience, const std::string& scope = "read") {
  return {user, "the-device", {audience, scope}};
}

TEST(HeldTokens, AreBoundedInNumberForEachUser) {
  HeldTokens held({.of_user = 3});
  held.came(of(1002, "urn:other's"), token_of("t"));
  (void)held.ask(of(1002, "urn:other's"), start);
  for (int i = 0; i < 10; ++i) {
    const Wish one = of(1001, "urn:" + std::to_string(i));
    held.came(one, token_of("t"));
    (void)held.ask(one, start + seconds{i});
  }
  EXPECT_FALSE(held.end_of(of(1001, "urn:0"), start));
  EXPECT_FALSE(held.end_of(of(1001, "urn:6"), start));
  for (const char* kept : {"urn:7", "urn:8", "urn:9"})
    EXPECT_EQ(held.end_of(of(1001, kept), start), start + seconds{300}) << kept;
  EXPECT_TRUE(held.end_of(of(1002, "urn:other's"), start));
}

TEST(HeldTokens, OfAllUsersTogetherAreBoundedAndWhoHasMostGivesOne) {
  HeldTokens held({.of_user = 3, .most = 4});
  for (const char* audience : {"urn:a", "urn:b", "urn:c"})
    held.came(of(1001, audience), token_of("t"));
  for (const uid_t user : {1002, 1003}) held.came(of(user, "urn:a"), token_of("t"));
  EXPECT_FALSE(held.end_of(of(1001, "urn:a"), start));
  for (const uid_t user : {1002, 1003}) EXPECT_TRUE(held.end_of(of(user, "urn:a"), start)) << user;
}

TEST(HeldTokens, AreAskedForByTurnsOfUsersAndOfOneUserByArrival) {
  HeldTokens held;
  for (const char* scope : {"z", "b", "a"}) held.want(of(1001, "urn:api", scope));
  held.want(of(1002, "urn:zzz"));
  std::string order;
  for (int i = 0; i < 4; ++i) {
    const auto next = held.next(start, Time::now());
    ASSERT_TRUE(next);
    order += std::to_string(next->user) + next->request.scope + " ";
    held.came(*next, token_of("t"));
  }
  EXPECT_EQ(order, "1001z 1002read 1001b 1001a ");
}

TEST(HeldTokens, OfOneUserAreAskedForOnceASecondBeyondAFew) {
  HeldTokens held({.of_user = 100, .at_once = 8});
  for (int i = 0; i < 50; ++i) held.want(of(1001, "urn:api", "s" + std::to_string(i)));
  const Time::time_point at = Time::now();
  const auto asked_until = [&](Time::time_point now) {
    int asked = 0;
    while (const auto next = held.next(start, now)) {
      EXPECT_EQ(next->user, 1001U);
      held.came(*next, token_of("t"));
      ++asked;
    }
    return asked;
  };
  EXPECT_EQ(asked_until(at), 8);
  EXPECT_EQ(asked_until(at + std::chrono::milliseconds{999}), 0);
  EXPECT_EQ(asked_until(at + seconds{3}), 3);
  held.want(of(1002, "urn:api"));
  EXPECT_EQ(held.next(start, at + seconds{3})->user, 1002U);
}

TEST(HeldTokens, PauseForAllScopesOfAnAudienceWhereTheFailureMayPass) {
  const Time::time_point at = Time::now();
  const Wish of_other = of(1002, "urn:api");
  const Wish elsewhere = of(1001, "urn:other");
  for (const auto& [code, all] :
       {std::pair{Code::connect_failed, true}, std::pair{Code::policy_no_rule, false}}) {
    HeldTokens held;
    held.failed(wish, {code, "no"}, at);
    EXPECT_TRUE(held.pausing(wish, at));
    EXPECT_EQ(held.pausing(other_wish, at).has_value(), all);
    held.want(other_wish);
    EXPECT_EQ(held.next(start, at).has_value(), !all);
    EXPECT_FALSE(held.pausing(of_other, at));
    EXPECT_FALSE(held.pausing(elsewhere, at));
  }
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
  /// What the enrolled device wishes.
  [[nodiscard]] Wish wished(const Wish& like = wish) const {
    return {like.user, enrolment_of(*bench_.state().identity()), like.request};
  }
  static void await(const std::function<bool()>& condition) {
    const auto end = Time::now() + seconds{20};
    bool met = condition();
    while (!met && Time::now() < end) {
      std::this_thread::yield();
      met = condition();
    }
    ASSERT_TRUE(met);
  }

  Bench bench_;
  std::optional<TokenSource> source_;
};

TEST_F(Source, AsksOnceForManyThatWait) {
  TokenSource& source = open();
  std::vector<std::future<Result<HeldToken>>> waiting;
  for (int i = 0; i < 8; ++i)
    waiting.push_back(std::async(std::launch::async, [&] { return source.token(wished()); }));
  for (auto& one : waiting) EXPECT_EQ(one.get()->token, "token1");
  EXPECT_EQ(asked(), 1U);
}

TEST_F(Source, RenewsAheadWhatIsUsedWithoutBeingAsked) {
  TokenSource& source = open();
  ASSERT_EQ(source.token(wished())->token, "token1");
  const auto end = source.end_of(wished());
  bench_.clock.advance(seconds{230});
  await([&] { return source.end_of(wished()) > end; });
  EXPECT_EQ(source.token(wished())->token, "token2");
  EXPECT_EQ(asked(), 2U);
}

TEST_F(Source, TellsWhoAsksAgainOfTheFailureAndDoesNotTroubleTheIssuer) {
  bench_.issuer.refuse_next(token_url, Code::policy_no_rule);
  TokenSource& source = open();
  for (int i = 0; i < 3; ++i) {
    const auto token = source.token(wished());
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, Code::policy_no_rule);
    EXPECT_GT(token.error().retry_after, 0U);
  }
  EXPECT_EQ(asked(), 1U);
}

TEST_F(Source, BindsTokensToASessionKeyAndToAnotherOneInItsTime) {
  TokenSource& source = open(seconds{600});
  const auto first = source.token(wished());
  ASSERT_TRUE(first) << first.error().to_string();
  ASSERT_TRUE(first->session);
  EXPECT_EQ(source.session(), first->session);
  const auto second = source.token(wished(other_wish));
  EXPECT_EQ(second->session, first->session);
  bench_.clock.advance(seconds{451});
  const auto third = source.token(wished());
  ASSERT_TRUE(third);
  EXPECT_NE(third->session->jkt(), first->session->jkt());
  EXPECT_FALSE(first->session->is_over(bench_.clock.now()));
}

TEST_F(Source, SaysWhatIsKnownWithoutWaitingForTheIssuer) {
  TokenSource& source = open();
  EXPECT_FALSE(source.token_at_once(wished()));
  ASSERT_TRUE(source.token(wished()));
  const auto now = source.token_at_once(wished());
  ASSERT_TRUE(now && *now);
  EXPECT_EQ((*now)->token, "token1");
  EXPECT_FALSE(source.token_at_once(wished({1002, "", wish.request})));
}

TEST_F(Source, OfTheDeviceKeyHasNoSession) {
  TokenSource& source = open();
  EXPECT_EQ(source.token(wished())->session, nullptr);
  EXPECT_EQ(source.session(), nullptr);
}

TEST_F(Source, KeepsNothingOnDisk) {
  ASSERT_TRUE(open().token(wished()));
  EXPECT_TRUE(bench_.state().tokens()->empty());
}

TEST_F(Source, ReadsNothingThatAnotherProcessKept) {
  ASSERT_EQ(*bench_.agent().token(wish.request), "token1");
  EXPECT_EQ(open().token(wished())->token, "token2");
  EXPECT_EQ(bench_.state().tokens()->size(), 1U);
}

}  // namespace
}  // namespace mintmark::agent::serve
