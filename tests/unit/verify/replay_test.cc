#include "verify/replay.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/soft_key.h"

namespace mintmark::verify {
namespace {

using std::chrono::seconds;
using test::SoftKey;

constexpr const char* url = "https://server.example.com/token";
// What is made later than this was not taken before.
const Moment start = from_unix(1'800'000'000);
const Moment begun = start - proof_future;

const SoftKey& device() {
  static const SoftKey key;
  return key;
}

ProvenRequest proof_at(Moment at, const std::string& jti, const SoftKey& key = device()) {
  const std::string proof = make_proof(key, {.method = "POST", .url = url, .at = at, .jti = jti});
  return check_proof(proof, {.method = "POST", .url = url, .now = at}).value();
}

void expect_refused(const Result<void>& remembered, Code code) {
  ASSERT_FALSE(remembered);
  EXPECT_EQ(remembered.error().code, code) << remembered.error().to_string();
}

TEST(ReplayWindow, TakesAProofOnce) {
  ReplayWindow window(begun);
  const auto proof = proof_at(start + seconds{1}, "a");
  EXPECT_TRUE(window.remember(proof, start + seconds{1}));
  expect_refused(window.remember(proof, start + seconds{1}), Code::proof_replayed);
  expect_refused(window.remember(proof, start + seconds{31}), Code::proof_replayed);
  EXPECT_EQ(window.size(), 1U);
}

TEST(ReplayWindow, RefusesAJtiAgainWithAnotherTime) {
  ReplayWindow window(begun);
  EXPECT_TRUE(window.remember(proof_at(start + seconds{1}, "a"), start + seconds{1}));
  expect_refused(window.remember(proof_at(start + seconds{2}, "a"), start + seconds{2}),
                 Code::proof_replayed);
}

TEST(ReplayWindow, KeepsTheJtisOfDevicesApart) {
  ReplayWindow window(begun);
  const SoftKey other;
  EXPECT_TRUE(window.remember(proof_at(start + seconds{1}, "a"), start + seconds{1}));
  EXPECT_TRUE(window.remember(proof_at(start + seconds{1}, "a", other), start + seconds{1}));
}

TEST(ReplayWindow, TakesAProofOfItsFirstSecondThatIsKnownToBeLater) {
  ReplayWindow window(begun);
  const auto proof = proof_at(start, "a");
  EXPECT_TRUE(window.remember(proof, start, true));
  expect_refused(window.remember(proof, start, true), Code::proof_replayed);
}

ClientAssertion assertion(Moment expires, std::optional<Moment> issued, const std::string& jti) {
  Json claims = {{"iss", "a"},
                 {"sub", "a"},
                 {"aud", "https://issuer.example"},
                 {"jti", jti},
                 {"exp", to_unix(expires)}};
  if (issued) claims["iat"] = to_unix(*issued);
  return check_client_assertion(
             device().sign_jws({{"alg", "ES256"}}, claims),
             [](const std::string&) -> Result<jose::PublicKey> { return device().public_key(); },
             "https://issuer.example", expires - seconds{60})
      .value();
}

constexpr ReplayLimits until_exp{
    .past = seconds{0}, .future = seconds{0}, .entries = ReplayWindow::shards};

TEST(ReplayWindow, TakesAnAssertionOnceUntilItExpires) {
  ReplayWindow window(start, {.past = seconds{0}, .future = seconds{0}});
  const auto once = assertion(start + seconds{100}, start + seconds{40}, "a");
  EXPECT_TRUE(window.remember(once, start + seconds{40}));
  expect_refused(window.remember(once, start + seconds{41}), Code::assertion_replayed);
  expect_refused(window.remember(once, start + seconds{100}), Code::assertion_replayed);
  expect_refused(window.remember(once, start + seconds{101}), Code::assertion_expired);
  EXPECT_EQ(window.size(), 0U);
}

TEST(ReplayWindow, RefusesAnAssertionOfAnEarlierProcess) {
  ReplayWindow window(start, {.past = seconds{0}, .future = seconds{0}});
  expect_refused(window.remember(assertion(start + seconds{60}, start, "a"), start),
                 Code::assertion_before_start);
  expect_refused(window.remember(assertion(start + seconds{305}, std::nullopt, "b"), start),
                 Code::assertion_before_start);
  EXPECT_TRUE(
      window.remember(assertion(start + seconds{306}, std::nullopt, "c"), start + seconds{1}));
}

TEST(ReplayWindow, ThatIsFullRefusesRatherThanForgetsAnAssertion) {
  ReplayWindow window(start, until_exp);
  const auto first = assertion(start + seconds{100}, start + seconds{1}, "a");
  EXPECT_TRUE(window.remember(first, start + seconds{1}));
  EXPECT_TRUE(window.remember(assertion(start + seconds{101}, start + seconds{1}, "b"),
                              start + seconds{1}));
  expect_refused(window.remember(first, start + seconds{1}), Code::replay_window_full);
}

TEST(ReplayWindow, RefusesProofsThatAnEarlierProcessMayHaveTaken) {
  const Moment last = start;
  ReplayWindow before(last - seconds{100});
  ReplayWindow after(last);
  // What runs ahead of the clock was taken in the last second of the one before.
  for (const seconds ahead : {seconds{-1}, seconds{0}, seconds{1}, proof_future}) {
    const auto proof = proof_at(last + ahead, std::to_string(ahead.count()));
    EXPECT_TRUE(before.remember(proof, last));
    expect_refused(after.remember(proof, last + seconds{1}), Code::proof_before_start);
  }
  EXPECT_TRUE(after.remember(proof_at(last + proof_future + seconds{1}, "new"), last + seconds{1}));
}

TEST(ReplayWindow, RefusesOfItsFutureWhatItsLimitsSay) {
  ReplayWindow narrow(start, {.future = seconds{0}});
  expect_refused(narrow.remember(proof_at(start, "a"), start), Code::proof_before_start);
  EXPECT_TRUE(narrow.remember(proof_at(start + seconds{1}, "b"), start));
  ReplayWindow wide(start, {.future = seconds{60}});
  expect_refused(wide.remember(proof_at(start + seconds{60}, "a"), start),
                 Code::proof_before_start);
  EXPECT_TRUE(wide.remember(proof_at(start + seconds{61}, "b"), start + seconds{1}));
}

TEST(ReplayWindow, ForgetsWhatIsTooOldAndTakesItNeverAgain) {
  ReplayWindow window(begun);
  const auto proof = proof_at(start + seconds{1}, "a");
  EXPECT_TRUE(window.remember(proof, start + seconds{1}));
  expect_refused(window.remember(proof, start + seconds{32}), Code::proof_iat_old);
  EXPECT_EQ(window.size(), 0U);
}

TEST(ReplayWindow, DoesNotTakeAgainWhatItForgotWhenTheClockIsSetBack) {
  ReplayWindow window(begun);
  const auto proof = proof_at(start + seconds{1}, "a");
  EXPECT_TRUE(window.remember(proof, start + seconds{1}));
  EXPECT_TRUE(window.remember(proof_at(start + seconds{500}, "b"), start + seconds{500}));
  EXPECT_FALSE(window.remember(proof, start + seconds{2}));
}

TEST(ReplayWindow, ThatIsFullGivesUpItsOldestSecondAndRefusesIt) {
  ReplayWindow window(begun, {.past = proof_past, .entries = 2 * ReplayWindow::shards});
  const Moment now = start + seconds{5};
  const auto first = proof_at(start + seconds{1}, "a");
  EXPECT_TRUE(window.remember(first, now));
  EXPECT_TRUE(window.remember(proof_at(start + seconds{2}, "b"), now));
  EXPECT_TRUE(window.remember(proof_at(start + seconds{3}, "c"), now));
  expect_refused(window.remember(first, now), Code::replay_window_full);
  expect_refused(window.remember(proof_at(start + seconds{1}, "never seen"), now),
                 Code::replay_window_full);
  EXPECT_EQ(window.size(), 2U);
}

TEST(ReplayWindow, ThatIsFullOfOneSecondRefusesMoreOfIt) {
  ReplayWindow window(begun, {.past = proof_past, .entries = 2 * ReplayWindow::shards});
  const Moment now = start + seconds{1};
  EXPECT_TRUE(window.remember(proof_at(now, "a"), now));
  EXPECT_TRUE(window.remember(proof_at(now, "b"), now));
  expect_refused(window.remember(proof_at(now, "c"), now), Code::replay_window_full);
  expect_refused(window.remember(proof_at(now, "a"), now), Code::proof_replayed);
  EXPECT_TRUE(window.remember(proof_at(now + seconds{1}, "d"), now));
}

TEST(ReplayWindow, NeverHoldsMoreThanItsEntries) {
  ReplayWindow window(begun, {.past = proof_past, .entries = 4 * ReplayWindow::shards});
  for (int i = 0; i < 200; ++i) {
    const Moment at = start + seconds{1 + i / 10};
    (void)window.remember(proof_at(at, std::to_string(i)), at);
    EXPECT_LE(window.size(), 4U);
  }
}

TEST(ReplayWindow, TakesAProofOnceThoughManyThreadsTryIt) {
  ReplayWindow window(begun);
  std::vector<ProvenRequest> proofs;
  for (int i = 0; i < 50; ++i) proofs.push_back(proof_at(start + seconds{1}, std::to_string(i)));
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (const auto& proof : proofs) taken += window.remember(proof, start + seconds{1}) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 50);
}

// ---- a clock that was ahead, and is put right ----

constexpr seconds hour{3600};
const Moment put_right = start + seconds{100};

TEST(ReplayWindowPutRight, TakesAtOnceWhatItsWrongStartWouldHaveRefusedForAnHour) {
  ReplayWindow window(put_right + hour);
  const auto proof = proof_at(put_right + proof_future + seconds{1}, "a");
  expect_refused(window.remember(proof, put_right + seconds{1}), Code::proof_before_start);
  window.begin_again(put_right);
  expect_refused(window.remember(proof, put_right + seconds{1}), Code::proof_before_start);
  EXPECT_TRUE(window.remember(proof, put_right + seconds{1}, true)) << "it bears a new nonce";
}

TEST(ReplayWindowPutRight, TakesAssertionsOfTheRightTimeAtOnce) {
  ReplayWindow window(put_right + hour, {.past = seconds{0}, .future = seconds{0}});
  const auto made = put_right + seconds{1};
  const auto once = assertion(made + seconds{60}, made, "a");
  expect_refused(window.remember(once, made), Code::assertion_before_start);
  window.begin_again(put_right);
  EXPECT_TRUE(window.remember(once, made));
  expect_refused(window.remember(assertion(made + seconds{60}, put_right, "b"), made),
                 Code::assertion_before_start);
}

TEST(ReplayWindowPutRight, RefusesWhatWasUsedWhileItWasAheadWhenThatTimeComes) {
  ReplayWindow window(begun);
  const Moment ahead = put_right + hour;
  const auto remembered = proof_at(ahead, "a");
  EXPECT_TRUE(window.remember(remembered, ahead));
  window.begin_again(put_right);
  expect_refused(window.remember(remembered, ahead), Code::proof_replayed);
  EXPECT_TRUE(window.remember(proof_at(ahead, "b"), ahead)) << "nobody else has to suffer";
}

TEST(ReplayWindowPutRight, RefusesWhatItForgotWhileItWasAheadAndTakesItsLikeWithANonce) {
  ReplayWindow window(begun);
  const Moment ahead = put_right + hour;
  const auto forgotten = proof_at(ahead, "a");
  EXPECT_TRUE(window.remember(forgotten, ahead));
  EXPECT_TRUE(window.remember(proof_at(ahead + seconds{60}, "b"), ahead + seconds{60}));
  window.begin_again(put_right);
  expect_refused(window.remember(forgotten, ahead), Code::proof_before_start);
  EXPECT_TRUE(window.remember(proof_at(ahead, "c"), ahead, true));
  const Moment soon = put_right + proof_future + seconds{1};
  expect_refused(window.remember(proof_at(soon, "d"), soon), Code::proof_before_start);
  EXPECT_TRUE(window.remember(proof_at(soon, "e"), soon, true));
  EXPECT_TRUE(window.remember(proof_at(ahead + seconds{1}, "f"), ahead + seconds{1}));
}

TEST(ReplayWindowPutRight, RefusesAssertionsThatItForgotWhileItWasAhead) {
  ReplayWindow window(start, {.past = seconds{0}, .future = seconds{0}});
  const Moment ahead = put_right + hour;
  const auto forgotten = assertion(ahead + seconds{60}, ahead, "a");
  EXPECT_TRUE(window.remember(forgotten, ahead));
  EXPECT_TRUE(window.remember(assertion(ahead + seconds{160}, ahead + seconds{100}, "b"),
                              ahead + seconds{100}));
  window.begin_again(put_right);
  expect_refused(window.remember(forgotten, ahead), Code::assertion_before_start);
  EXPECT_TRUE(window.remember(assertion(ahead + seconds{60}, ahead, "c"), ahead, true))
      << "its proof is new";
}

TEST(ReplayWindowPutRight, HoldsNothingAgainstATimeInWhichNobodyUsedAnything) {
  ReplayWindow window(begun);
  EXPECT_TRUE(window.remember(proof_at(start + seconds{1}, "a"), start + seconds{1}));
  expect_refused(window.remember(proof_at(put_right, "b"), put_right + hour), Code::proof_iat_old);
  window.begin_again(put_right);
  const Moment soon = put_right + proof_future + seconds{1};
  EXPECT_TRUE(window.remember(proof_at(soon, "c"), soon));
  EXPECT_TRUE(window.remember(proof_at(put_right + hour, "d"), put_right + hour));
}

}  // namespace
}  // namespace mintmark::verify
