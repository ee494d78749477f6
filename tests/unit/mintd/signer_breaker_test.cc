#include "programs/mintd/signer_breaker.h"

#include <gtest/gtest.h>

#include <array>

#include "support/channel_ends.h"

namespace mintmark::mintd {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using State = SignerBreaker::State;

constexpr std::array troubles{
    Code::deadline_passed,     Code::hsm_unavailable,   Code::hsm_session_lost,
    Code::hsm_failed,          Code::hsm_hung,          Code::hsm_write_hung,
    Code::hsm_module_unusable, Code::hsm_token_missing, Code::hsm_pin_unreadable,
    Code::hsm_pin_refused,     Code::hsm_pin_locked,    Code::hsm_signature_wrong};
constexpr std::array one_calls_own{Code::overloaded,        Code::purpose_refused,
                                   Code::hsm_key_unknown,   Code::hsm_key_unfit,
                                   Code::hsm_key_ambiguous, Code::hsm_mechanism_missing,
                                   Code::invalid_argument};

/// A store that answers as it is told, at once, or when the test says so.
class Scripted final : public hsm::Signer {
 public:
  void sign(const hsm::KeyId& /*key*/, std::string /*input*/, Deadline /*deadline*/,
            hsm::Done<Bytes> done) override {
    ++signs;
    if (held) return waiting.push_back(std::move(done));
    done(answer());
  }
  void list(Deadline /*deadline*/, hsm::Done<std::vector<hsm::KeyInfo>> done) override {
    ++lists;
    if (list_fails) return done(fail(Code::hsm_unavailable, "test"));
    done(std::vector<hsm::KeyInfo>{});
  }
  [[nodiscard]] Result<Bytes> answer() const {
    if (fails) return fail(code, "test");
    return Bytes{1};
  }

  std::atomic<bool> fails{false};
  std::atomic<bool> list_fails{true};
  std::atomic<Code> code{Code::hsm_failed};
  std::atomic<unsigned> signs{0};
  std::atomic<unsigned> lists{0};
  bool held = false;
  std::vector<hsm::Done<Bytes>> waiting;
};

constexpr SignerBreaker::Limits never_tries{
    .failures = 5, .tick = hours(1), .quiet_ticks = 5, .look = seconds(1)};
constexpr SignerBreaker::Limits tries_soon{
    .failures = 5, .tick = milliseconds(5), .quiet_ticks = 1'000'000, .look = seconds(1)};
constexpr SignerBreaker::Limits looks_soon{
    .failures = 5, .tick = milliseconds(5), .quiet_ticks = 2, .look = seconds(1)};

/// {"typ":"at+jwt"}, as what is signed for a token begins.
constexpr const char* token_input = "eyJ0eXAiOiJhdCtqd3QifQ.e30";
constexpr const char* other_input = "eyJ0eXAiOiJlYXQrand0In0.e30";

/// One store behind its breaker.
struct Store {
  Store(boost::asio::io_context& io, telemetry::Metrics& metrics, const std::string& name,
        SignerBreaker::Limits limits)
      : breaker(SignerBreaker::make(io, name, hardware,
                                    metrics.gauge("open", "test", {{"store", name}}), limits)) {}

  [[nodiscard]] std::string sign(const char* input = token_input) const {
    auto outcome = std::make_shared<std::string>("none");
    breaker->sign({}, input, Deadline::in(seconds(5)), [outcome](const Result<Bytes>& signature) {
      *outcome = signature ? "ok" : facts_of(signature.error().code).name;
    });
    return *outcome;
  }
  void sign_times(unsigned count) const {
    for (unsigned i = 0; i < count; ++i) (void)sign();
  }
  void fail_until_open() const {
    hardware->fails = true;
    sign_times(5);
  }

  std::shared_ptr<Scripted> hardware = std::make_shared<Scripted>();
  std::shared_ptr<SignerBreaker> breaker;
};

class Breaker : public testing::Test {
 protected:
  Store store(SignerBreaker::Limits limits, const std::string& name = "main") {
    return {loop_.io(), metrics_, name, limits};
  }
  bool shows(const std::string& line) {
    return metrics_.text().find("\n" + line + "\n") != std::string::npos;
  }
  template <typename Condition>
  static bool await(Condition condition) {
    const auto end = Deadline::in(seconds(20));
    while (!condition()) {
      if (end.passed()) return false;
      std::this_thread::yield();
    }
    return true;
  }

  telemetry::Metrics metrics_;
  test::Loop loop_;
};

TEST_F(Breaker, OpensAfterFiveFailuresInARow) {
  const Store main = store(never_tries);
  main.hardware->fails = true;
  main.sign_times(4);
  EXPECT_EQ(main.breaker->state(), State::closed);
  EXPECT_EQ(main.sign(), "hsm_failed") << "the fifth is still the hardware's answer";
  EXPECT_EQ(main.breaker->state(), State::open);
  EXPECT_TRUE(shows(R"(open{store="main"} 1)")) << metrics_.text();
}

// Behind tokens that never end, whatever else is signed may have no turn in its time.
TEST_F(Breaker, OthersThatHadNoTurnInTimeOpenNothing) {
  const Store main = store(never_tries);
  main.hardware->fails = true;
  main.hardware->code = Code::deadline_passed;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(main.sign(other_input), "deadline_passed");
  EXPECT_EQ(main.breaker->state(), State::closed);
  main.hardware->code = Code::hsm_failed;
  for (int i = 0; i < 5; ++i) (void)main.sign(other_input);
  EXPECT_EQ(main.breaker->state(), State::open) << "what the hardware says counts whoever asked";
}

TEST_F(Breaker, AnswersAtOnceWhileOpen) {
  const Store main = store(never_tries);
  main.fail_until_open();
  main.hardware->fails = false;
  EXPECT_EQ(main.sign(), "hsm_breaker_open");
  EXPECT_EQ(main.hardware->signs, 5U) << "the hardware is not asked";
  const CodeFacts& facts = facts_of(Code::hsm_breaker_open);
  EXPECT_EQ(facts.http_status, 503);
  EXPECT_EQ(facts.action, Action::retry_later);
}

TEST_F(Breaker, OneSignatureBetweenFailuresKeepsItClosed) {
  const Store main = store(never_tries);
  for (int round = 0; round < 3; ++round) {
    main.hardware->fails = true;
    main.sign_times(4);
    main.hardware->fails = false;
    EXPECT_EQ(main.sign(), "ok");
  }
  EXPECT_EQ(main.breaker->state(), State::closed);
}

TEST_F(Breaker, EveryTroubleOfTheStoreOpensIt) {
  for (const Code code : troubles) {
    const Store main = store(never_tries);
    main.hardware->code = code;
    main.fail_until_open();
    EXPECT_EQ(main.breaker->state(), State::open) << facts_of(code).name;
  }
}

TEST_F(Breaker, WhatIsOneCallsOwnTroubleDoesNotOpenIt) {
  for (const Code code : one_calls_own) {
    const Store main = store(never_tries);
    main.hardware->code = code;
    main.hardware->fails = true;
    main.sign_times(20);
    EXPECT_EQ(main.breaker->state(), State::closed) << facts_of(code).name;
  }
}

TEST_F(Breaker, WhatIsOneCallsOwnTroubleDoesNotCloseItEither) {
  const Store main = store(tries_soon);
  main.fail_until_open();
  main.hardware->code = Code::purpose_refused;
  ASSERT_TRUE(await([&] { return main.sign() == "purpose_refused"; }));
  EXPECT_EQ(main.breaker->state(), State::open);
}

TEST_F(Breaker, LetsOneCallATickThroughWhileOpen) {
  const Store main = store(tries_soon);
  const auto began = Deadline::clock::now();
  main.fail_until_open();
  // Far more calls than ticks.
  ASSERT_TRUE(await([&] {
    (void)main.sign();
    return main.hardware->signs >= 15U;
  }));
  EXPECT_GE(Deadline::clock::now() - began, 10 * tries_soon.tick) << "ten tries after the five";
  EXPECT_EQ(main.breaker->state(), State::open);
}

TEST_F(Breaker, TheFirstSignatureClosesIt) {
  const Store main = store(tries_soon);
  main.fail_until_open();
  main.hardware->fails = false;
  ASSERT_TRUE(await([&] { return main.sign() == "ok"; }));
  EXPECT_EQ(main.breaker->state(), State::closed);
  EXPECT_TRUE(shows(R"(open{store="main"} 0)"));
  EXPECT_EQ(main.sign(), "ok") << "no tick is waited for any more";
  main.hardware->fails = true;
  main.sign_times(4);
  EXPECT_EQ(main.breaker->state(), State::closed) << "and failures count anew";
}

TEST_F(Breaker, ANewSignerClosesIt) {
  const Store main = store(never_tries);
  main.fail_until_open();
  main.hardware->fails = false;
  main.breaker->renewed();
  EXPECT_EQ(main.breaker->state(), State::closed);
  EXPECT_EQ(main.sign(), "ok");
}

TEST_F(Breaker, WhatWasAskedOfTheSignerBeforeDoesNotOpenIt) {
  const Store main = store(never_tries);
  main.hardware->held = true;
  main.sign_times(50);
  main.breaker->renewed();
  for (const auto& done : main.hardware->waiting) done(fail(Code::hsm_unavailable, "it ended"));
  main.hardware->held = false;
  main.hardware->fails = true;
  main.sign_times(4);
  EXPECT_EQ(main.breaker->state(), State::closed) << "only what the new one says is counted";
}

TEST_F(Breaker, WhileNobodyAsksItLooksByItselfAndIsOnTrial) {
  const Store main = store(looks_soon);
  main.fail_until_open();
  ASSERT_TRUE(await([&] { return main.hardware->lists >= 3U; }));
  EXPECT_EQ(main.breaker->state(), State::open) << "the looks fail as well";
  main.hardware->list_fails = false;
  ASSERT_TRUE(await([&] { return main.breaker->state() == State::on_trial; }));
  EXPECT_TRUE(shows(R"(open{store="main"} 0)"));
  EXPECT_EQ(main.hardware->signs, 5U) << "it signs nothing of its own";
}

TEST_F(Breaker, OnTrialASignatureClosesItAndAFailureOpensItAgain) {
  const Store main = store(looks_soon);
  main.hardware->list_fails = false;
  main.fail_until_open();
  ASSERT_TRUE(await([&] { return main.breaker->state() == State::on_trial; }));
  EXPECT_EQ(main.sign(), "hsm_failed") << "one is let through at once";
  EXPECT_EQ(main.breaker->state(), State::open);
  ASSERT_TRUE(await([&] { return main.breaker->state() == State::on_trial; }));
  main.hardware->fails = false;
  ASSERT_TRUE(await([&] { return main.sign() == "ok"; }));
  EXPECT_EQ(main.breaker->state(), State::closed);
}

TEST_F(Breaker, OneStoresTroubleIsNotAnothers) {
  const Store main = store(never_tries);
  const Store other = store(never_tries, "other");
  main.fail_until_open();
  main.hardware->fails = true;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(main.sign(), "hsm_breaker_open");
    EXPECT_EQ(other.sign(), "ok");
  }
  EXPECT_EQ(other.breaker->state(), State::closed);
  EXPECT_TRUE(shows(R"(open{store="main"} 1)"));
  EXPECT_TRUE(shows(R"(open{store="other"} 0)"));
}

TEST_F(Breaker, ACallUnderWayDoesNotKeepItAlive) {
  Store main = store(never_tries);
  main.hardware->held = true;
  main.sign_times(1);
  const std::weak_ptr<SignerBreaker> breaker = main.breaker;
  main.breaker.reset();
  EXPECT_TRUE(breaker.expired());
  for (const auto& done : main.hardware->waiting) done(main.hardware->answer());
}

}  // namespace
}  // namespace mintmark::mintd
