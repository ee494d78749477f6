// Tokens that were seen before are taken without a second check of their signature, and for nothing
// else: whatever may have changed since is looked at anew.
#include <gtest/gtest.h>

#include <thread>

#include "jose/known_header.h"
#include "support/machine_sleep.h"
#include "support/mutations.h"
#include "token_fixture.h"
#include "verify/token_memory.h"

namespace mintmark {
namespace {

using std::chrono::seconds;
using test::make_proof;
using test::SoftKey;

class Remembered : public testing::Test, protected test::TokenFixture {
 protected:
  Remembered() {
    publish_for(issuer_key());
    EXPECT_EQ(answer(), "");
  }
  void publish_for(const SoftKey& key) {
    Json jwk = test::published(key);
    jwk["kid"] = issuer_key().jkt();
    publish(test::key_document({jwk}), seconds{10});
  }
  [[nodiscard]] static std::string name(const tl::expected<VerifiedToken, Refused>& verified) {
    return verified ? "" : std::string(name_of(verified.error().refusal));
  }
  [[nodiscard]] std::string answer(const Verifier& verifier, const std::string& proof) const {
    return name(verifier.check(token_, {.method = "GET", .url = test::resource, .proof = proof}));
  }
  [[nodiscard]] std::string answer(const std::string& proof) const {
    return answer(verifier_, proof);
  }
  [[nodiscard]] std::string answer() const { return answer(proof(token_)); }
  [[nodiscard]] Verifier forgetful() {
    auto chosen = options();
    chosen.tokens_remembered = 0;
    return verifier(std::move(chosen));
  }

  std::string token_ = token();
  Verifier verifier_ = verifier();
};

TEST_F(Remembered, IsTakenWithEachNewProof) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answer(), "");
}

TEST_F(Remembered, SaysWhatItSaidAtFirst) {
  const auto again = verifier_.check_without_proof(token_);
  const auto first = forgetful().check_without_proof(token_);
  ASSERT_TRUE(again && first);
  EXPECT_EQ(again->claims(), first->claims());
  EXPECT_EQ(again->subject(), first->subject());
  EXPECT_EQ(again->expires_at(), first->expires_at());
  EXPECT_FALSE(again->proof_checked());
  EXPECT_FALSE(again->proof_jti());
}

TEST_F(Remembered, IsRefusedWhenItsKeyIsNotPublishedAnyMore) {
  publish(test::key_document({test::published(SoftKey())}), seconds{10});
  test::machine_slept(seconds{10});
  EXPECT_EQ(answer(), "token_key_unknown");
  publish_for(issuer_key());
  test::machine_slept(seconds{10});
  EXPECT_EQ(answer(), "");
}

TEST_F(Remembered, IsRefusedWhenItsKidNamesAnotherKey) {
  publish_for(SoftKey());
  test::machine_slept(seconds{10});
  EXPECT_EQ(answer(), "token_signature");
}

TEST_F(Remembered, IsRefusedWhereTheKeysCannotBeHad) {
  keys().answer = tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "no way"});
  test::machine_slept(seconds{290});
  EXPECT_EQ(answer(), "");
  test::machine_slept(seconds{20});
  EXPECT_EQ(answer(), "keys_unavailable");
}

TEST_F(Remembered, IsRefusedWhenItsTimeIsOver) {
  clock().advance(seconds{328});
  EXPECT_EQ(answer(), "");
  clock().advance(seconds{1});
  EXPECT_EQ(answer(), "token_expired");
}

TEST_F(Remembered, IsRefusedWhenTheClockIsSetBackBehindIt) {
  clock().advance(seconds{-32});
  EXPECT_EQ(name(verifier_.check_without_proof(token_)), "token_iat_future");
  token_ = token_with_claim("nbf", to_unix(now()) + 30);
  EXPECT_EQ(name(verifier_.check_without_proof(token_)), "");
  clock().advance(seconds{-1});
  EXPECT_EQ(name(verifier_.check_without_proof(token_)), "token_not_yet_valid");
}

TEST_F(Remembered, IsNoOtherThatDiffersInOneCharacter) {
  for (const std::size_t at : {token_.find('.') - 1, token_.find('.') + 5, token_.size() - 3}) {
    std::string other = token_;
    other[at] = other[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifier_.check_without_proof(other)) << at;
  }
}

TEST_F(Remembered, IsRefusedWithTheProofHeaderOfItsDeviceAndAnothersSignature) {
  const SoftKey thief;
  EXPECT_EQ(answer(thief.sign_jws(test::proof_header(device()),
                                  test::proof_claims(proof_content(token_)))),
            "proof_signature");
}

TEST_F(Remembered, IsRefusedWithAProofByAnotherKey) {
  const std::string stolen = make_proof(SoftKey(), proof_content(token_));
  EXPECT_EQ(answer(stolen), "proof_key_mismatch");
  EXPECT_EQ(answer(), "");
  EXPECT_EQ(answer(stolen), "proof_key_mismatch");
}

TEST_F(Remembered, IsTakenWithAnotherHeaderOfItsDevice) {
  Json header = test::proof_header(device());
  for (const char* kid : {"a", "b"}) {
    header["kid"] = kid;
    EXPECT_EQ(answer(device().sign_jws(header, test::proof_claims(proof_content(token_)))), "");
  }
  header["typ"] = "JWT";
  EXPECT_EQ(answer(device().sign_jws(header, test::proof_claims(proof_content(token_)))),
            "proof_typ");
}

// The header of its device is known by the first token.
TEST_F(Remembered, DeviceIsKnownWithItsNextTokenAndNoOtherIsTakenForIt) {
  token_ = token_with_claim("jti", "token-2");
  const SoftKey thief;
  EXPECT_EQ(answer(thief.sign_jws(test::proof_header(device()),
                                  test::proof_claims(proof_content(token_)))),
            "proof_signature");
  EXPECT_EQ(answer(make_proof(thief, proof_content(token_))), "proof_key_mismatch");
  EXPECT_EQ(answer(), "");
  token_ = token_with_claim("cnf", {{"jkt", thief.jkt()}});
  EXPECT_EQ(answer(), "proof_key_mismatch");
  EXPECT_EQ(answer(make_proof(thief, proof_content(token_))), "");
}

TEST_F(Remembered, IsRefusedForWhatItsProofIsRefusedForAtFirst) {
  const Verifier first = forgetful();
  test::for_each_mutation(proof(token_), 500, [&](const std::string& broken) {
    EXPECT_EQ(answer(broken), answer(first, broken)) << broken;
  });
  for (const auto& [claim, value] :
       std::vector<std::pair<const char*, Json>>{{"htm", "POST"},
                                                 {"htu", "https://other.example/"},
                                                 {"iat", 1},
                                                 {"iat", nullptr},
                                                 {"jti", ""},
                                                 {"nonce", 1},
                                                 {"ath", "x"},
                                                 {"ath", nullptr}}) {
    const std::string wrong =
        device().sign_jws(test::proof_header(device()),
                          changed(test::proof_claims(proof_content(token_)), claim, value));
    EXPECT_NE(answer(wrong), "") << claim;
    EXPECT_EQ(answer(wrong), answer(first, wrong)) << claim;
  }
}

TEST_F(Remembered, IsTakenOnceWithEachProofThoughManyThreadsTryIt) {
  std::vector<std::string> proofs;
  for (int i = 0; i < 20; ++i) proofs.push_back(proof(token_));
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (const std::string& one : proofs) taken += answer(one).empty() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 20);
}

TEST(TokenMemory, OfNoneKeepsNothing) {
  verify::TokenMemory none(0);
  none.remember(sha256("a"), verify::TokenMemory::Entry());
  none.remember(sha256("a"), "device", verify::ProofHead());
  EXPECT_FALSE(none.find(sha256("a")).token);
  EXPECT_EQ(none.size(), 0U);
}

class TokenMemoryOf : public testing::Test {
 protected:
  [[nodiscard]] static Sha256 name(int i) { return sha256(std::to_string(i)); }
  [[nodiscard]] verify::TokenMemory::Entry token() const {
    return {std::make_shared<verify::CheckedToken>(
                verify::CheckedToken{nullptr, "kid", key_.public_key()}),
            nullptr};
  }
  [[nodiscard]] verify::ProofHead head(const std::string& kid) const {
    const std::string jws = key_.sign_jws({{"alg", "ES256"}, {"kid", kid}}, Json::object());
    auto parsed = jose::UnverifiedJws::parse(jws);
    return std::make_shared<const jose::KnownHeader>(
        jws, std::move(*parsed).verify(key_.public_key()).value());
  }
  SoftKey key_;
};

TEST_F(TokenMemoryOf, AnyNumberNeverHoldsMore) {
  for (const std::size_t most : {1U, 5U, 16U, 40U, 100U}) {
    verify::TokenMemory memory(most);
    for (int i = 0; i < 500; ++i) {
      memory.remember(name(i), token());
      ASSERT_LE(memory.size(), most);
      ASSERT_TRUE(memory.find(name(i)).token);
    }
  }
}

TEST_F(TokenMemoryOf, AnyNumberGivesUpTheOneThatWasAskedForLeastLately) {
  verify::TokenMemory memory(1);
  memory.remember(name(1), token());
  memory.remember(name(2), token());
  EXPECT_FALSE(memory.find(name(1)).token);
  verify::TokenMemory wide(1600);
  wide.remember(name(0), token());
  for (int i = 1; i < 20'000; ++i) {
    wide.remember(name(i), token());
    ASSERT_TRUE(wide.find(name(0)).token) << i;
  }
}

TEST_F(TokenMemoryOf, AnyNumberKeepsTheHeaderOfTheLastProofOfATokenItKnows) {
  verify::TokenMemory memory(16);
  memory.remember(name(1), "device", head("a"));
  EXPECT_FALSE(memory.find(name(1)).head);
  memory.remember(name(1), token());
  EXPECT_FALSE(memory.find(name(1)).head);
  memory.remember(name(1), "device", head("a"));
  const auto last = head("b");
  memory.remember(name(1), "device", last);
  memory.remember(name(1), "device", head(std::string(4000, 'x')));
  memory.remember(name(1), "device", nullptr);
  EXPECT_EQ(memory.find(name(1)).head, last);
  EXPECT_EQ(memory.head_of("device"), last);
}

TEST_F(TokenMemoryOf, AnyNumberKnowsADeviceByItsEarlierTokens) {
  verify::TokenMemory memory(1);
  const auto known = head("a");
  memory.remember(name(1), token());
  memory.remember(name(1), "device", known);
  memory.remember(name(2), token());
  EXPECT_FALSE(memory.find(name(1)).token);
  EXPECT_EQ(memory.head_of("device"), known);
  EXPECT_FALSE(memory.head_of("other"));
  memory.remember(name(2), "other", head("b"));
  EXPECT_FALSE(memory.head_of("device"));
}

TEST_F(Remembered, IsRefusedAtEachCallForWhatWasRevokedSince) {
  const auto told = std::make_shared<test::ToldByTest>();
  auto chosen = options();
  chosen.revocations = told;
  const Verifier verifier = TokenFixture::verifier(std::move(chosen));
  const auto asked_with = [&](std::optional<Refusal> refusal) {
    told->refusal = refusal;
    return answer(verifier, proof(token_));
  };
  EXPECT_EQ(asked_with(std::nullopt), "");
  for (const Refusal refusal :
       {Refusal::token_revoked, Refusal::token_suspended, Refusal::token_key_revoked,
        Refusal::revocations_unavailable, Refusal::revocations_stale}) {
    EXPECT_EQ(asked_with(refusal), name_of(refusal));
  }
  EXPECT_EQ(asked_with(std::nullopt), "");
  EXPECT_EQ(told->asked, 7);
  EXPECT_EQ(verifier.tokens_remembered(), 1U);
}

TEST_F(Remembered, HasAProofThatIsStillGoodWhereItIsNotKnownWhatWasRevoked) {
  const auto told = std::make_shared<test::ToldByTest>();
  told->refusal = Refusal::revocations_stale;
  auto chosen = options();
  chosen.revocations = told;
  const Verifier verifier = TokenFixture::verifier(std::move(chosen));
  const std::string once = proof(token_);
  EXPECT_EQ(answer(verifier, once), "revocations_stale");
  told->refusal.reset();
  EXPECT_EQ(answer(verifier, once), "");
}

}  // namespace
}  // namespace mintmark
