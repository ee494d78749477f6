// A token and the proof of its key: for each check a call that fails it and no other.
#include "mintmark/verifier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "jose/base64url.h"
#include "token_fixture.h"

namespace mintmark {
namespace {

using std::chrono::seconds;
using test::make_proof;
using test::SoftKey;

class BoundToken : public testing::Test, protected test::TokenFixture {
 protected:
  [[nodiscard]] tl::expected<VerifiedToken, Refused> check(const std::string& token,
                                                           const std::string& proof) const {
    return verifier_.check(token, {.method = "GET", .url = test::resource, .proof = proof});
  }
  void expect_refused(const std::string& token, const std::string& proof, Refusal refusal) const {
    const auto verified = check(token, proof);
    ASSERT_FALSE(verified) << "taken; wanted " << name_of(refusal);
    EXPECT_EQ(name_of(verified.error().refusal), name_of(refusal)) << verified.error().detail;
  }
  void expect_proof_refused(const test::ProofContent& content, Refusal refusal) const {
    expect_refused(token(), make_proof(device(), content), refusal);
  }
  [[nodiscard]] std::string proof_with_claim(const char* name, const Json& value) const {
    return device().sign_jws(proof_header(device()),
                             changed(proof_claims(proof_content(token_)), name, value));
  }
  [[nodiscard]] std::string proof_with_header(const char* name, const Json& value) const {
    return device().sign_jws(changed(proof_header(device()), name, value),
                             proof_claims(proof_content(token_)));
  }

  Verifier verifier_ = verifier();
  std::string token_ = token();
};

TEST_F(BoundToken, WithItsProofIsTaken) {
  const auto verified = check(token_, proof(token_));
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_TRUE(verified->proof_checked());
  EXPECT_EQ(verified->proof_iat(), now());
  EXPECT_EQ(verified->jkt(), device().jkt());
}

TEST_F(BoundToken, WithoutAProofIsRefused) { expect_refused(token_, "", Refusal::proof_missing); }

TEST_F(BoundToken, ThatIsBadIsRefusedBeforeItsProofIsLookedAt) {
  expect_refused(token_with_claim("exp", 0), "", Refusal::token_expired);
}

TEST_F(BoundToken, WithAProofByAnotherKeyIsRefused) {
  const SoftKey thief;
  expect_refused(token_, make_proof(thief, proof_content(token_)), Refusal::proof_key_mismatch);
}

TEST_F(BoundToken, WithAProofThatWasUsedIsRefused) {
  const std::string used = proof(token_);
  ASSERT_TRUE(check(token_, used));
  expect_refused(token_, used, Refusal::proof_replayed);
  clock().advance(seconds{29});
  expect_refused(token_, used, Refusal::proof_replayed);
}

TEST_F(BoundToken, IsRefusedRatherThanForgottenWhereTheMemoryOfProofsIsFull) {
  auto few = options();
  few.proofs_remembered = 64;  // One a shard, and so one a device.
  const Verifier small = verifier(std::move(few));
  const auto answer = [&](const std::string& proof) {
    const auto verified =
        small.check(token_, {.method = "GET", .url = test::resource, .proof = proof});
    return verified ? "" : std::string(name_of(verified.error().refusal));
  };
  const std::string first = proof(token_);
  const std::string of_the_same_second = proof(token_);
  EXPECT_EQ(answer(first), "");
  EXPECT_EQ(answer(of_the_same_second), "replay_window_full");
  clock().advance(seconds{1});
  EXPECT_EQ(answer(proof(token_)), "");
  // Given up, and still not taken again.
  EXPECT_EQ(answer(first), "replay_window_full");
  EXPECT_EQ(answer(of_the_same_second), "replay_window_full");
}

TEST_F(BoundToken, IsTakenAgainWithANewProof) {
  ASSERT_TRUE(check(token_, proof(token_)));
  ASSERT_TRUE(check(token_, proof(token_)));
}

TEST_F(BoundToken, WhoseProofFailedMayBeSentAgainWithIt) {
  // Only what passed is used up.
  const std::string good = proof(token_);
  EXPECT_FALSE(verifier_.check(token_, {.method = "POST", .url = test::resource, .proof = good}));
  EXPECT_TRUE(check(token_, good));
}

TEST_F(BoundToken, WithAProofMadeBeforeTheVerifierStartedIsRefused) {
  auto content = proof_content(token_);
  content.at = now() - seconds{1};
  expect_refused(token_, make_proof(device(), content), Refusal::proof_before_start);
}

TEST_F(BoundToken, WithAProofThatIsNoneIsRefused) {
  expect_refused(token_, "x", Refusal::proof_malformed);
  expect_refused(token_, token_, Refusal::proof_typ);
}

TEST_F(BoundToken, WithAProofThatFailsOneCheckIsRefusedForThat) {
  expect_refused(token_, proof_with_header("typ", "JWT"), Refusal::proof_typ);
  expect_refused(token_, proof_with_header("alg", "none"), Refusal::proof_alg);
  expect_refused(token_, proof_with_header("jwk", nullptr), Refusal::proof_jwk);
  expect_refused(token_, proof_with_header("jwk", SoftKey().public_key().to_jwk()),
                 Refusal::proof_signature);
  expect_refused(token_, proof_with_claim("htm", "POST"), Refusal::proof_htm);
  expect_refused(token_, proof_with_claim("htu", "https://other.example/things"),
                 Refusal::proof_htu);
  expect_refused(token_, proof_with_claim("iat", nullptr), Refusal::proof_iat_missing);
  expect_refused(token_, proof_with_claim("iat", to_unix(now()) - 31), Refusal::proof_iat_old);
  expect_refused(token_, proof_with_claim("iat", to_unix(now()) + 6), Refusal::proof_iat_future);
  expect_refused(token_, proof_with_claim("jti", nullptr), Refusal::proof_jti);
  expect_refused(token_, proof_with_claim("nonce", 1), Refusal::proof_nonce);
  expect_refused(token_, proof_with_claim("ath", nullptr), Refusal::proof_ath);
  expect_refused(token_, proof_with_claim("ath", jose::base64url(sha256("other"))),
                 Refusal::proof_ath);
}

TEST_F(BoundToken, IsTakenAsOftenAsTheCallerLikesIfItRemembersProofsItself) {
  auto own_memory = options();
  own_memory.proof_memory = ProofMemory::of_caller;
  const Verifier forgetful(std::move(own_memory), source());
  const std::string used = make_proof(
      device(),
      {.method = "GET", .url = test::resource, .at = now(), .access_token = token_, .jti = "j"});
  for (int i = 0; i < 2; ++i) {
    const auto verified =
        forgetful.check(token_, {.method = "GET", .url = test::resource, .proof = used});
    ASSERT_TRUE(verified) << verified.error().detail;
    EXPECT_EQ(verified->proof_jti(), "j");
  }
}

TEST_F(BoundToken, TakesEachProofOnceThoughManyThreadsTryIt) {
  std::vector<std::string> proofs;
  for (int i = 0; i < 20; ++i) proofs.push_back(proof(token_));
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (const std::string& one : proofs) taken += check(token_, one) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 20);
}

TEST(Verifier, WithoutAnIssuerAnAudienceOrKeysIsNotMade) {
  const test::TokenFixture fixture;
  EXPECT_THROW(Verifier(VerifierOptions("", "a"), fixture.source()), std::invalid_argument);
  EXPECT_THROW(Verifier(VerifierOptions("https://i", ""), fixture.source()), std::invalid_argument);
  EXPECT_THROW(Verifier(VerifierOptions("https://i", "a"), nullptr), std::invalid_argument);
  VerifierOptions negative("https://i", "a");
  negative.skew = seconds{-1};
  EXPECT_THROW(Verifier(negative, fixture.source()), std::invalid_argument);
  VerifierOptions nameless("https://i", "a");
  nameless.further_audiences = {"b", ""};
  EXPECT_THROW(Verifier(nameless, fixture.source()), std::invalid_argument);
}

}  // namespace
}  // namespace mintmark
