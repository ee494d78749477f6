// When the verifier asks for keys, and what it does while it has none.
#include <gtest/gtest.h>

#include <stdexcept>

#include "support/machine_sleep.h"
#include "token_fixture.h"

namespace mintmark {
namespace {

using std::chrono::seconds;
using test::key_document;
using test::published;
using test::SoftKey;

class VerifierKeys : public testing::Test, protected test::TokenFixture {
 protected:
  void make(seconds grace = seconds{300}) {
    auto wanted = options();
    wanted.keys_grace = grace;
    verifier_ = std::make_unique<Verifier>(std::move(wanted), source());
  }
  void expect_taken() { EXPECT_TRUE(verifier_->check_without_proof(token())); }
  void expect_refused(const std::string& token, Refusal refusal) {
    const auto verified = verifier_->check_without_proof(token);
    ASSERT_FALSE(verified);
    EXPECT_EQ(name_of(verified.error().refusal), name_of(refusal)) << verified.error().detail;
  }
  /// What a clock shows that nobody sets.
  static void pass(seconds span) { test::machine_slept(span); }
  void go_away() {
    keys().answer = tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "away"});
  }
  [[nodiscard]] std::string token_by(const SoftKey& key) const {
    return key.sign_jws(changed(header(), "kid", key.jkt()), claims());
  }

  std::unique_ptr<Verifier> verifier_;
};

TEST_F(VerifierKeys, AreAskedForOnceInTheirMaxAge) {
  make();
  EXPECT_EQ(keys().asked, 0);
  for (int i = 0; i < 10; ++i) expect_taken();
  EXPECT_EQ(keys().asked, 1);
  pass(seconds{290});
  expect_taken();
  EXPECT_EQ(keys().asked, 1);
  pass(seconds{10});
  expect_taken();
  EXPECT_EQ(keys().asked, 2);
}

TEST_F(VerifierKeys, WithoutAgeAreAskedForOnceInAPause) {
  publish(key_document({published(issuer_key())}), seconds{0});
  make();
  for (int i = 0; i < 10; ++i) expect_taken();
  EXPECT_EQ(keys().asked, 1);
  pass(seconds{5});
  expect_taken();
  EXPECT_EQ(keys().asked, 2);
}

TEST_F(VerifierKeys, OfAnAgeBeyondReasonAreAskedForEarlier) {
  publish(key_document({published(issuer_key())}), seconds{1'000'000'000});
  make();
  expect_taken();
  pass(seconds{3600});
  expect_taken();
  EXPECT_EQ(keys().asked, 2);
}

TEST_F(VerifierKeys, ThatAreNewAreFoundAtOnce) {
  make();
  expect_taken();
  pass(seconds{5});
  const SoftKey next;
  publish(key_document({published(issuer_key()), published(next)}));
  EXPECT_TRUE(verifier_->check_without_proof(token_by(next)));
  EXPECT_EQ(keys().asked, 2);
}

TEST_F(VerifierKeys, ThatStrangersInventAreAskedForOnceInAPause) {
  make();
  for (int i = 0; i < 10; ++i) expect_refused(token_by(SoftKey()), Refusal::token_key_unknown);
  EXPECT_EQ(keys().asked, 1);
  pass(seconds{5});
  for (int i = 0; i < 10; ++i) expect_refused(token_by(SoftKey()), Refusal::token_key_unknown);
  EXPECT_EQ(keys().asked, 2);
}

TEST_F(VerifierKeys, ThatAreWithdrawnAreRefusedOnceTheCopyIsOver) {
  make();
  expect_taken();
  publish(key_document({published(SoftKey())}));
  pass(seconds{300});
  expect_refused(token(), Refusal::token_key_unknown);
}

TEST_F(VerifierKeys, ThatCannotBeHadSayNothingAboutTheToken) {
  go_away();
  make();
  expect_refused(token(), Refusal::keys_unavailable);
  EXPECT_TRUE(is_unavailable(Refusal::keys_unavailable));
  EXPECT_FALSE(is_unavailable(Refusal::token_key_unknown));
}

TEST_F(VerifierKeys, ThatCannotBeHadAreAskedForOnceInAPause) {
  go_away();
  make();
  for (int i = 0; i < 10; ++i) expect_refused(token(), Refusal::keys_unavailable);
  EXPECT_EQ(keys().asked, 1);
  publish(key_document({published(issuer_key())}));
  expect_refused(token(), Refusal::keys_unavailable);
  pass(seconds{5});
  expect_taken();
}

TEST_F(VerifierKeys, AreUsedForTheirGraceWhileTheIssuerIsAway) {
  make(seconds{60});
  expect_taken();
  go_away();
  pass(seconds{350});
  expect_taken();
  pass(seconds{10});
  expect_refused(token(), Refusal::keys_unavailable);
}

TEST_F(VerifierKeys, WithoutGraceEndWithTheirAge) {
  make(seconds{0});
  expect_taken();
  go_away();
  pass(seconds{300});
  expect_refused(token(), Refusal::keys_unavailable);
}

TEST_F(VerifierKeys, AreAsOldAsTheyAreWhereverTheWallClockIsSet) {
  make(seconds{0});
  const std::string long_lived =
      token_with_claims({{"iat", to_unix(now()) - 86'400}, {"exp", to_unix(now()) + 86'400}});
  ASSERT_TRUE(verifier_->check_without_proof(long_lived));
  go_away();
  for (const std::chrono::hours step : {std::chrono::hours{1}, std::chrono::hours{-1}}) {
    clock().advance(step);
    EXPECT_TRUE(verifier_->check_without_proof(long_lived)) << step.count() << " h";
    EXPECT_EQ(keys().asked, 1);
  }
  clock().advance(std::chrono::hours{-1});
  pass(seconds{300});
  expect_refused(long_lived, Refusal::keys_unavailable);
}

TEST_F(VerifierKeys, ThatAreNoJwkSetAreRefused) {
  keys().answer = KeyDocument{"<html>", seconds{300}};
  make();
  expect_refused(token(), Refusal::keys_malformed);
}

TEST_F(VerifierKeys, AreKeptForTheirGraceWhenWhatComesInsteadIsNone) {
  make(seconds{60});
  expect_taken();
  keys().answer = KeyDocument{"<html>", seconds{300}};
  pass(seconds{350});
  expect_taken();
  pass(seconds{10});
  expect_refused(token(), Refusal::keys_malformed);
}

TEST_F(VerifierKeys, ThatStrangersInventAreAskedForOnceInAPauseThoughTheIssuerIsAway) {
  make();
  expect_taken();
  go_away();
  pass(seconds{5});
  for (int i = 0; i < 10; ++i) expect_refused(token_by(SoftKey()), Refusal::token_key_unknown);
  EXPECT_EQ(keys().asked, 2);
  expect_taken();
}

TEST_F(VerifierKeys, AreNotAskedForByATokenThatIsNone) {
  make();
  expect_refused("x", Refusal::token_malformed);
  EXPECT_EQ(keys().asked, 0);
}

TEST_F(VerifierKeys, AreAskedForAgainWhenTheyHaveChangedAndNotBeforeThePause) {
  const auto told = std::make_shared<test::ToldByTest>();
  auto wanted = options();
  wanted.revocations = told;
  verifier_ = std::make_unique<Verifier>(std::move(wanted), source());
  expect_taken();
  ++told->epoch;
  expect_taken();
  EXPECT_EQ(keys().asked, 1) << "the pause is not over";
  pass(seconds{5});
  const SoftKey other;
  publish(key_document({published(other)}));
  expect_refused(token(), Refusal::token_key_unknown);
  EXPECT_EQ(keys().asked, 2);
  EXPECT_TRUE(verifier_->check_without_proof(token_by(other)));
  pass(seconds{5});
  EXPECT_TRUE(verifier_->check_without_proof(token_by(other)));
  EXPECT_EQ(keys().asked, 2) << "nothing changed since";
}

TEST_F(VerifierKeys, ThatWereRevokedAreSaidToBeSoWhereTheyAreNotPublishedAnyMore) {
  const auto told = std::make_shared<test::ToldByTest>();
  auto wanted = options();
  wanted.revocations = told;
  publish(key_document({published(SoftKey())}));
  verifier_ = std::make_unique<Verifier>(std::move(wanted), source());
  expect_refused(token(), Refusal::token_key_unknown);
  told->revoked_kid = issuer_key().jkt();
  expect_refused(token(), Refusal::token_key_revoked);
  expect_refused(token_by(SoftKey()), Refusal::token_key_unknown);
}

TEST_F(VerifierKeys, ThatHaveChangedAreUsedAsTheyWereWhileTheIssuerIsAway) {
  const auto told = std::make_shared<test::ToldByTest>();
  auto wanted = options();
  wanted.revocations = told;
  verifier_ = std::make_unique<Verifier>(std::move(wanted), source());
  expect_taken();
  ++told->epoch;
  go_away();
  pass(seconds{5});
  expect_taken();
  EXPECT_EQ(keys().asked, 2);
}

TEST_F(VerifierKeys, AndRevocationsThatAreForgottenBeforeTheSkewIsOverMakeNoVerifier) {
  auto wanted = options();
  wanted.revocations = std::make_shared<test::ToldByTest>();
  wanted.skew = seconds{3601};
  EXPECT_THROW(Verifier(wanted, source()), std::invalid_argument);
  wanted.skew = seconds{3600};
  EXPECT_NO_THROW(Verifier(wanted, source()));
}

}  // namespace
}  // namespace mintmark
