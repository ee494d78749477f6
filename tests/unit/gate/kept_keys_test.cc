// The issuer's keys: fetched ahead, taken back, missing; and decisions meanwhile.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "gate/kept_keys.h"
#include "gate/told_revocations.h"
#include "support/machine_sleep.h"
#include "unit/gate/decided.h"
#include "verify/proof.h"

namespace mintmark::gate {
namespace {

/// Answers when the test lets it.
class HeldSource final : public KeySource {
 public:
  struct Tap {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    int asked = 0;
    std::vector<std::string> held;
    tl::expected<KeyDocument, Refused> answer;
    void set(bool value) {
      const std::lock_guard lock(mutex);
      open = value;
      changed.notify_all();
    }
    void await_asked(int times) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return asked >= times; });
    }
  };
  explicit HeldSource(std::shared_ptr<Tap> tap) : tap_(std::move(tap)) {}
  tl::expected<KeyDocument, Refused> fetch() override { return fetch_holding({}); }
  tl::expected<KeyDocument, Refused> fetch_holding(const std::vector<std::string>& held) override {
    std::unique_lock lock(tap_->mutex);
    ++tap_->asked;
    tap_->held = held;
    tap_->changed.notify_all();
    tap_->changed.wait(lock, [&] { return tap_->open; });
    return tap_->answer;
  }

 private:
  std::shared_ptr<Tap> tap_;
};

class Kept : public testing::Test, protected test::TokenFixture {
 protected:
  void TearDown() override { tap_->set(true); }
  const KeptKeys& keep_keys(std::chrono::milliseconds pause = std::chrono::milliseconds{0},
                            std::chrono::milliseconds short_pause = std::chrono::milliseconds{0}) {
    const std::lock_guard lock(tap_->mutex);
    tap_->answer = TokenFixture::keys().answer;
    kept_ = std::make_unique<KeptKeys>(std::make_unique<HeldSource>(tap_),
                                       KeptKeysLimits{.pause = pause, .short_pause = short_pause});
    return *kept_;
  }
  void answer(tl::expected<KeyDocument, Refused> answer) {
    const std::lock_guard lock(tap_->mutex);
    tap_->answer = std::move(answer);
  }
  static void await_usable(const KeptKeys& keys) {
    while (!keys.usable()) std::this_thread::yield();
  }
  std::shared_ptr<HeldSource::Tap> tap_ = std::make_shared<HeldSource::Tap>();
  std::unique_ptr<KeptKeys> kept_;
};

TEST_F(Kept, KeysAreFetchedAtOnceAndNobodyWaitsForThem) {
  const KeptKeys& kept = keep_keys();
  tap_->await_asked(1);
  EXPECT_FALSE(kept.usable());
  EXPECT_FALSE(kept.standing().ever);
  EXPECT_FALSE(kept.source()->fetch());
  tap_->set(true);
  await_usable(kept);
  EXPECT_TRUE(kept.source()->fetch());
  EXPECT_TRUE(kept.standing().ever);
}

TEST_F(Kept, KeysThatAreMissedAreFetchedAgainAndTheIssuerIsToldWhichAreHeld) {
  const KeptKeys& kept = keep_keys();
  tap_->set(true);
  await_usable(kept);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  EXPECT_FALSE(source->fetch()) << "it does not wait";
  kept.await_answer(std::chrono::hours{1});
  EXPECT_TRUE(source->fetch());
  const std::lock_guard lock(tap_->mutex);
  EXPECT_EQ(tap_->asked, 2);
  EXPECT_EQ(tap_->held, std::vector<std::string>{issuer_key().jkt()});
}

TEST_F(Kept, KeysAreHandedOutAsGoodForNoLongerThanUntilTheNextFetch) {
  const KeptKeys& kept = keep_keys();
  answer(KeyDocument{TokenFixture::keys().answer->jwks, std::chrono::seconds{20}});
  tap_->set(true);
  await_usable(kept);
  const auto copy = kept.source()->fetch();
  ASSERT_TRUE(copy);
  EXPECT_LT(copy->max_age, std::chrono::seconds{10}) << "half of max-age, some of which is over";
}

TEST_F(Kept, KeysAreNotAskedForMoreOftenThanThePauseAllows) {
  const KeptKeys& kept = keep_keys(std::chrono::hours{1});
  tap_->set(true);
  await_usable(kept);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(source->fetch());
  EXPECT_FALSE(kept.asking());
  const std::lock_guard lock(tap_->mutex);
  EXPECT_EQ(tap_->asked, 1);
}

TEST_F(Kept, KeysThatTheIssuerDoesNotAnswerForHoldNobodyForever) {
  const KeptKeys& kept = keep_keys();
  tap_->set(true);
  await_usable(kept);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  tap_->set(false);
  const auto missed = source->fetch();
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().refusal, Refusal::keys_unavailable);
  kept.await_answer(std::chrono::milliseconds{1});
  EXPECT_TRUE(kept.asking());
  EXPECT_TRUE(kept.usable());
}

TEST_F(Kept, KeysAreTooOldAfterTheMachineSleptAndAreFetchedAgain) {
  const KeptKeys& kept = keep_keys();
  tap_->set(true);
  await_usable(kept);
  tap_->set(false);
  test::machine_slept(std::chrono::hours{2});
  ASSERT_FALSE(kept.usable());
  tap_->await_asked(2);
  tap_->set(true);
  await_usable(kept);
}

TEST_F(Kept, KeysOfADocumentThatIsNoneChangeNothing) {
  const KeptKeys& kept = keep_keys();
  tap_->set(true);
  await_usable(kept);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  {
    const std::lock_guard lock(tap_->mutex);
    tap_->answer = KeyDocument{"nonsense", std::chrono::seconds{300}};
  }
  EXPECT_FALSE(source->fetch());
  kept.await_answer(std::chrono::hours{1});
  EXPECT_FALSE(source->fetch());
  EXPECT_TRUE(kept.usable());
  EXPECT_EQ(kept.standing().trouble->refusal, Refusal::keys_malformed);
}

// Until then an earlier process may have taken a proof (docs/adr/0008).
constexpr std::chrono::seconds first_taken = verify::proof_future + std::chrono::seconds{1};

TEST_F(Decided, ForANewKeyMayChangeWhileTheIssuerIsAsked) {
  rule(usual());
  const auto tap = std::make_shared<HeldSource::Tap>();
  tap->answer = keys().answer;
  tap->open = true;
  const auto kept = std::make_shared<KeptKeys>(
      std::make_unique<HeldSource>(tap), KeptKeysLimits{.pause = std::chrono::milliseconds{0}});
  while (!kept->usable()) std::this_thread::yield();
  VerifierOptions own = options();
  own.keys_pause = std::chrono::seconds{0};
  policy_->verifier = std::make_shared<const Verifier>(std::move(own), kept->source());
  clock().advance(first_taken);
  keys_ = kept;
  EXPECT_EQ(decide_for(token()).status, 200U);
  // The issuer signs with a key that it published since.
  const test::SoftKey next;
  {
    const std::lock_guard lock(tap->mutex);
    tap->answer =
        KeyDocument{test::key_document({test::published(next)}).dump(), std::chrono::seconds{300}};
    tap->open = false;
  }
  const std::string fresh =
      next.sign_jws({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", next.jkt()}}, claims());
  const auto fields = shown(fresh);
  const Gate gate(kept, policy_);
  const auto before = kept->attempts();
  const auto missed = decide(fields);
  EXPECT_EQ(code(missed), "token_key_unknown");
  EXPECT_TRUE(gate.may_change(missed, before));
  EXPECT_FALSE(gate.may_change(decide({}), before));
  tap->set(true);
  kept->await_answer(std::chrono::hours{1});
  EXPECT_TRUE(gate.may_change(missed, before)) << "the answer came after the decision";
  EXPECT_FALSE(gate.may_change(missed, kept->attempts()));
  EXPECT_EQ(decide(fields).status, 200U);
}

TEST_F(Decided, ByAKeyThatTheIssuerTookBackIsARefusalFromTheNextFetchOn) {
  rule(usual());
  const auto tap = std::make_shared<HeldSource::Tap>();
  const auto publish = [&](const std::string& jwks) {
    const std::lock_guard lock(tap->mutex);
    tap->answer = KeyDocument{jwks, std::chrono::seconds{2}};
  };
  publish(keys().answer->jwks);
  tap->open = true;
  const auto kept = std::make_shared<KeptKeys>(std::make_unique<HeldSource>(tap), KeptKeysLimits{});
  while (!kept->usable()) std::this_thread::yield();
  keys_ = kept;
  VerifierOptions own = options();
  own.keys_pause = std::chrono::seconds{0};
  own.keys_grace = std::chrono::hours{1};
  policy_->verifier = std::make_shared<const Verifier>(std::move(own), kept->source());
  clock().advance(first_taken);
  const std::string good = token();
  ASSERT_EQ(decide_for(good).status, 200U);
  publish(test::key_document({test::published(test::SoftKey())}).dump());
  // Half of max-age later, long before the copy that the verifier took would be too old.
  tap->await_asked(2);
  while (kept->attempts() < 2) std::this_thread::yield();
  const auto late = decide_for(good);
  EXPECT_EQ(late.status, 401U);
  EXPECT_EQ(code(late), "token_key_unknown");
}

TEST_F(Decided, ByKeysThatCannotBeFetchedAgainGoesOnWhileTheyMayBeUsed) {
  rule(usual());
  const auto tap = std::make_shared<HeldSource::Tap>();
  tap->answer = KeyDocument{keys().answer->jwks, std::chrono::seconds{2}};
  tap->open = true;
  const auto kept = std::make_shared<KeptKeys>(std::make_unique<HeldSource>(tap), KeptKeysLimits{});
  while (!kept->usable()) std::this_thread::yield();
  keys_ = kept;
  VerifierOptions own = options();
  own.keys_pause = std::chrono::seconds{0};
  own.keys_grace = std::chrono::hours{1};
  policy_->verifier = std::make_shared<const Verifier>(std::move(own), kept->source());
  clock().advance(first_taken);
  const std::string good = token();
  ASSERT_EQ(decide_for(good).status, 200U);
  {
    const std::lock_guard lock(tap->mutex);
    tap->answer = tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "down"});
  }
  EXPECT_EQ(decide_for(good).status, 200U);
}

TEST_F(Decided, WithoutKeysIs503AndSaysWhenToComeBack) {
  rule(usual());
  const auto tap = std::make_shared<HeldSource::Tap>();
  tap->answer = tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "down"});
  keys_ = std::make_shared<KeptKeys>(std::make_unique<HeldSource>(tap), KeptKeysLimits{});
  const auto response = decide_for(token());
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(code(response), "gate_starting");
  EXPECT_EQ(field(response, "Retry-After"), "1");
  tap->set(true);
}

TEST_F(Kept, KeysThatCouldNotBeFetchedAreAskedForSoonThoughStrangersWouldHaveToWait) {
  const KeptKeys& kept = keep_keys(std::chrono::hours{1}, std::chrono::milliseconds{1});
  answer(tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "away"}));
  tap_->set(true);
  tap_->await_asked(3);
  answer(TokenFixture::keys().answer);
  await_usable(kept);
  answer(tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "away again"}));
  kept.ask_again();
  // At 1, 2, 4, 8 ms.
  const auto before = kept.attempts();
  while (kept.attempts() < before + 4) std::this_thread::yield();
  answer(TokenFixture::keys().answer);
  const auto version = kept.version();
  while (kept.version() == version) std::this_thread::yield();
  EXPECT_FALSE(kept.standing().trouble);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  EXPECT_FALSE(source->fetch());
  EXPECT_FALSE(kept.asking()) << "a stranger's kid";
}

TEST_F(Kept, KeysThatHaveChangedAreFetchedBeforeAStrangersKidWouldBeLookedUp) {
  const KeptKeys& kept = keep_keys(std::chrono::hours{1}, std::chrono::milliseconds{1});
  tap_->set(true);
  await_usable(kept);
  const auto before = kept.version();
  kept.ask_again();
  while (kept.version() == before) std::this_thread::yield();
}

TEST_F(Kept, KeysThatChangeWhileTheyAreFetchedAreFetchedOnceMore) {
  const KeptKeys& kept = keep_keys();
  tap_->await_asked(1);
  kept.ask_again();
  tap_->set(true);
  tap_->await_asked(2);
}

TEST_F(Decided, ForARevokedTokenIs401AndWhereThatIsNotKnown503) {
  rule(usual());
  const auto told = std::make_shared<test::ToldByTest>();
  VerifierOptions own = options();
  own.revocations = std::make_shared<ToldRevocations>(
      told, std::make_shared<KeptKeys>(source(), KeptKeysLimits{}));
  policy_->verifier = std::make_shared<const Verifier>(verifier(std::move(own)));
  const std::string good = token();
  EXPECT_EQ(decide_for(good).status, 200U);
  for (const Refusal refusal : {Refusal::token_revoked, Refusal::token_key_revoked}) {
    told->refusal = refusal;
    const auto response = decide_for(good);
    EXPECT_EQ(response.status, 401U);
    EXPECT_EQ(code(response), name_of(refusal));
    EXPECT_NE(field(response, "WWW-Authenticate").find("invalid_token"), std::string::npos);
  }
  for (const Refusal refusal : {Refusal::revocations_unavailable, Refusal::revocations_stale}) {
    told->refusal = refusal;
    const auto response = decide_for(good);
    EXPECT_EQ(response.status, 503U);
    EXPECT_EQ(code(response), name_of(refusal));
    EXPECT_EQ(field(response, "Retry-After"), "1");
  }
}

}  // namespace
}  // namespace mintmark::gate
