// Nonces of a verifier (RFC 9449 §8, §9): what they are, and when a proof must bear one.
#include "verify/nonces.h"

#include <gtest/gtest.h>

#include "token_fixture.h"

namespace mintmark::verify {
namespace {

using std::chrono::seconds;

TEST(Nonce, RollsWithTimeAndStaysGoodForItsLife) {
  test::ManualClock clock;
  Nonces nonces(clock);
  const std::string first = nonces.fresh();
  EXPECT_EQ(nonces.fresh(), first);
  clock.advance(Nonces::turn);
  EXPECT_NE(nonces.fresh(), first);
  clock.advance(Nonces::life - Nonces::turn);
  EXPECT_TRUE(nonces.is_good(first));
  clock.advance(Nonces::turn);
  EXPECT_FALSE(nonces.is_good(first));
}

TEST(Nonce, IsRefusedWhenAnythingInItChanged) {
  test::ManualClock clock;
  Nonces nonces(clock);
  const std::string good = nonces.fresh();
  ASSERT_EQ(good.size(), 32U);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(nonces.is_good(changed)) << i;
  }
  for (const std::string& other : {std::string(), good + "AAAA", good.substr(4), std::string("%")})
    EXPECT_FALSE(nonces.is_good(other)) << other;
}

TEST(Nonce, OfTheFutureIsRefused) {
  test::ManualClock clock;
  Nonces nonces(clock);
  const std::string good = nonces.fresh();
  clock.advance(-Nonces::turn);
  EXPECT_FALSE(nonces.is_good(good));
}

TEST(Nonce, IsNoLongerGoodWhenTheyBeginAgain) {
  test::ManualClock clock;
  Nonces nonces(clock);
  const std::string before = nonces.fresh();
  nonces.begin_again();
  EXPECT_FALSE(nonces.is_good(before));
  EXPECT_NE(nonces.fresh(), before);
  EXPECT_TRUE(nonces.is_good(nonces.fresh()));
}

class ProofNonce : public testing::Test, protected test::TokenFixture {
 protected:
  [[nodiscard]] Verifier asking(ProofNonces when) {
    auto chosen = options();
    chosen.proof_nonces = when;
    return verifier(std::move(chosen));
  }
  // "" where it is taken.
  [[nodiscard]] std::string answer(const Verifier& verifier,
                                   const std::optional<std::string>& nonce,
                                   seconds ago = seconds{0}) const {
    auto content = proof_content(token_);
    content.at -= ago;
    content.nonce = nonce;
    return answer_to(verifier, make_proof(device(), content));
  }
  [[nodiscard]] std::string answer_to(const Verifier& verifier, const std::string& proof) const {
    const auto verified =
        verifier.check(token_, {.method = "GET", .url = test::resource, .proof = proof});
    return verified ? "" : std::string(name_of(verified.error().refusal));
  }

  std::string token_ = token();
};

// A verifier of the fixture began six seconds ago, and one before it took what ran five ahead.
constexpr seconds before_start{1};

TEST_F(ProofNonce, IsLookedAtByNobodyWhereNoneIsAskedFor) {
  const Verifier never = asking(ProofNonces::never);
  EXPECT_EQ(answer(never, "anything"), "");
  EXPECT_EQ(answer(never, std::nullopt, before_start), "proof_before_start");
  EXPECT_EQ(answer(never, never.fresh_nonce(), before_start), "proof_before_start");
}

TEST_F(ProofNonce, IsAskedForWhereItIsNotKnownWhetherTheProofWasUsed) {
  const Verifier unsure = asking(ProofNonces::when_unsure);
  EXPECT_EQ(answer(unsure, std::nullopt), "");
  EXPECT_EQ(answer(unsure, std::nullopt, before_start), "proof_nonce_required");
  EXPECT_EQ(answer(unsure, unsure.fresh_nonce(), before_start), "");
}

TEST_F(ProofNonce, IsAskedForWhereAnEarlierVerifierMayHaveTakenTheProof) {
  for (const ProofNonces when : {ProofNonces::never, ProofNonces::when_unsure}) {
    const Verifier before = asking(when);
    auto content = proof_content(token_);
    content.at += seconds{5};
    const std::string ahead = make_proof(device(), content);
    EXPECT_EQ(answer_to(before, ahead), "");
    auto chosen = options();
    chosen.proof_nonces = when;
    const Verifier after(std::move(chosen), source());
    const char* wanted = when == ProofNonces::never ? "proof_before_start" : "proof_nonce_required";
    EXPECT_EQ(answer_to(after, ahead), wanted);
    clock().advance(seconds{6});
    EXPECT_EQ(answer_to(after, ahead), wanted);
    EXPECT_EQ(answer(after, std::nullopt), "");
  }
}

TEST_F(ProofNonce, IsAskedForAlways) {
  const Verifier always = asking(ProofNonces::always);
  EXPECT_EQ(answer(always, std::nullopt), "proof_nonce_required");
  EXPECT_EQ(answer(always, std::nullopt, before_start), "proof_nonce_required");
  EXPECT_EQ(answer(always, always.fresh_nonce()), "");
  EXPECT_EQ(answer(always, always.fresh_nonce(), before_start), "");
}

TEST_F(ProofNonce, OfAnotherVerifierIsRefused) {
  const Verifier other = asking(ProofNonces::always);
  for (const ProofNonces when : {ProofNonces::when_unsure, ProofNonces::always}) {
    const Verifier ours = asking(when);
    EXPECT_EQ(answer(ours, other.fresh_nonce()), "proof_nonce_stale");
    EXPECT_EQ(answer(ours, "anything"), "proof_nonce_stale");
    EXPECT_EQ(answer(ours, ""), "proof_nonce_stale");
  }
}

TEST_F(ProofNonce, ThatIsTooOldIsRefused) {
  for (const ProofNonces when : {ProofNonces::when_unsure, ProofNonces::always}) {
    const Verifier ours = asking(when);
    const std::string old = ours.fresh_nonce();
    clock().advance(Nonces::life + Nonces::turn);
    token_ = token();
    EXPECT_EQ(answer(ours, old), "proof_nonce_stale");
    EXPECT_EQ(answer(ours, ours.fresh_nonce()), "");
  }
}

TEST_F(ProofNonce, DoesNotLetAProofInTwice) {
  const Verifier always = asking(ProofNonces::always);
  auto content = proof_content(token_);
  content.nonce = always.fresh_nonce();
  const std::string used = make_proof(device(), content);
  EXPECT_EQ(answer_to(always, used), "");
  EXPECT_EQ(answer_to(always, used), "proof_replayed");
}

TEST_F(ProofNonce, IsAskedForAlsoWhereTheCallerRemembersProofs) {
  auto chosen = options();
  chosen.proof_nonces = ProofNonces::always;
  chosen.proof_memory = ProofMemory::of_caller;
  const Verifier always = verifier(std::move(chosen));
  EXPECT_EQ(answer(always, std::nullopt), "proof_nonce_required");
  EXPECT_EQ(answer(always, "anything"), "proof_nonce_stale");
  EXPECT_EQ(answer(always, always.fresh_nonce()), "");
}

}  // namespace
}  // namespace mintmark::verify
