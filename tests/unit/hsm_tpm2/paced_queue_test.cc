// The queue before a TPM: what it takes, what it sheds, and that nobody waits longer than he has
// time.
#include "hsm/tpm2/paced_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

namespace mintmark::hsm::tpm2 {
namespace {

using namespace std::chrono_literals;

/// One call, and what became of it.
class Asked {
 public:
  Asked(
      PacedQueue& queue, std::chrono::milliseconds time, std::function<void()> work = [] {},
      Operation operation = Operation::sign, bool yields = false, Lane lane = Lane::tokens) {
    queue.submit({.operation = operation,
                  .deadline = Deadline::in(time),
                  .run =
                      [end = end_, work = std::move(work)] {
                        work();
                        end->set_value(std::nullopt);  // Throws when called twice.
                      },
                  .refuse = [end = end_](Error error) { end->set_value(std::move(error)); },
                  .yields = yields,
                  .lane = lane});
  }
  /// nullopt: it ran.
  std::optional<Error> outcome() {
    if (future_.wait_for(30s) != std::future_status::ready)
      throw std::runtime_error("the call was not answered");
    return future_.get();
  }
  [[nodiscard]] bool answered() const { return future_.wait_for(0s) == std::future_status::ready; }

 private:
  std::shared_ptr<std::promise<std::optional<Error>>> end_ =
      std::make_shared<std::promise<std::optional<Error>>>();
  std::future<std::optional<Error>> future_ = end_->get_future();
};

/// Something that a call can be held by until a test lets it go.
class Held {
 public:
  std::function<void()> work() {
    return [this] {
      begun_.set_value();
      gate_.get_future().wait();
    };
  }
  void wait_until_begun() { begun_.get_future().wait(); }
  void let_go() { gate_.set_value(); }

 private:
  std::promise<void> begun_;
  std::promise<void> gate_;
};

Code code_of(const std::optional<Error>& error) { return error ? error->code : Code::not_found; }

TEST(PacedQueue, RunsCallsInTheirOrder) {
  PacedQueue queue(100, 1ms);
  std::vector<int> order;
  std::vector<Asked> asked;
  for (int i = 0; i < 20; ++i) asked.emplace_back(queue, 30s, [&order, i] { order.push_back(i); });
  for (Asked& one : asked) EXPECT_FALSE(one.outcome());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(order.at(static_cast<std::size_t>(i)), i);
}

TEST(PacedQueue, RunsTokensBeforeAllElseThatCameEarlier) {
  PacedQueue queue(100, 1ms);
  Held held;
  Asked running(queue, 60s, held.work());
  held.wait_until_begun();
  std::string order;
  std::vector<Asked> asked;
  for (int i = 0; i < 3; ++i)
    asked.emplace_back(
        queue, 60s, [&order] { order += 'o'; }, Operation::sign, false, Lane::others);
  for (int i = 0; i < 9; ++i) asked.emplace_back(queue, 60s, [&order] { order += 't'; });
  held.let_go();
  for (Asked& one : asked) EXPECT_FALSE(one.outcome());
  EXPECT_EQ(order, "tttttttottoo");
}

TEST(PacedQueue, ManyOthersThatWaitShedNoToken) {
  PacedQueue queue(100, 2s);
  Held held;
  Asked running(queue, 600s, held.work());
  held.wait_until_begun();
  std::vector<Asked> others;
  for (int i = 0; i < 10; ++i)
    others.emplace_back(
        queue, 600s, [] {}, Operation::sign, false, Lane::others);
  Asked token(queue, 10s);  // Behind what runs and, at the worst, one of the others.
  EXPECT_FALSE(token.answered());
  Asked other(
      queue, 10s, [] {}, Operation::sign, false, Lane::others);
  EXPECT_EQ(code_of(other.outcome()), Code::overloaded);
  held.let_go();
  EXPECT_FALSE(token.outcome());
  for (Asked& one : others) EXPECT_FALSE(one.outcome());
}

TEST(PacedQueue, FullOfOthersTakesTokens) {
  PacedQueue queue(4, 1ms);
  Held held;
  Asked running(queue, 60s, held.work());
  held.wait_until_begun();
  Asked other(
      queue, 60s, [] {}, Operation::sign, false, Lane::others);
  Asked beyond(
      queue, 60s, [] {}, Operation::sign, false, Lane::others);
  EXPECT_EQ(code_of(beyond.outcome()), Code::overloaded);
  std::vector<Asked> tokens;
  for (int i = 0; i < 4; ++i) tokens.emplace_back(queue, 60s);
  held.let_go();
  EXPECT_FALSE(other.outcome());
  for (Asked& one : tokens) EXPECT_FALSE(one.outcome());
}

TEST(PacedQueue, OtherThatWaitsIsRefusedAtItsDeadlineToo) {
  PacedQueue queue(100, 1ms);
  Held held;
  Asked running(queue, 60s, held.work());
  held.wait_until_begun();
  Asked late(
      queue, 30ms, [] {}, Operation::sign, false, Lane::others);
  EXPECT_EQ(code_of(late.outcome()), Code::deadline_passed);
  held.let_go();
}

TEST(PacedQueue, SignatureThatCouldNotBeDoneInTimeIsRefusedAtOnce) {
  PacedQueue queue(100, 10s);
  Held held;
  Asked running(queue, 60s, held.work());
  held.wait_until_begun();
  Asked hopeless(queue, 5s);
  ASSERT_TRUE(hopeless.answered());
  const auto error = hopeless.outcome();
  EXPECT_EQ(code_of(error), Code::overloaded);
  Asked in_time(queue, 60s);
  EXPECT_FALSE(in_time.answered());
  held.let_go();
  EXPECT_FALSE(running.outcome());
  EXPECT_FALSE(in_time.outcome());
}

TEST(PacedQueue, RefusalSaysWhenTheQueueWillBeWorkedOff) {
  PacedQueue queue(100, 10s);
  Held held;
  Asked running(queue, 600s, held.work());
  held.wait_until_begun();
  Asked second(queue, 600s);
  Asked third(queue, 600s);
  Asked shed(queue, 5s);
  const auto error = shed.outcome();
  ASSERT_EQ(code_of(error), Code::overloaded);
  EXPECT_GE(error->retry_after, 29U);
  EXPECT_LE(error->retry_after, 30U);
  held.let_go();
  second.outcome();
  third.outcome();
}

TEST(PacedQueue, FullQueueRefusesWithATimeToo) {
  PacedQueue queue(1, 1ms);
  Held held;
  Asked running(queue, 60s, held.work());
  held.wait_until_begun();
  Asked waiting(queue, 60s);
  Asked beyond(queue, 60s);
  const auto error = beyond.outcome();
  EXPECT_EQ(code_of(error), Code::overloaded);
  EXPECT_GE(error->retry_after, 1U);
  held.let_go();
  EXPECT_FALSE(waiting.outcome());
}

TEST(PacedQueue, WhatStrangersAskStandsBehindNothingThatWaits) {
  PacedQueue queue(100, 2s);
  Held held;
  Asked running(queue, 600s, held.work());
  held.wait_until_begun();
  const auto stranger = [&queue] {
    return Asked(
        queue, 600s, [] {}, Operation::evidence, true);
  };
  Asked next = stranger();
  EXPECT_FALSE(next.answered());  // One that runs is no reason: it ends by itself.
  Asked behind = stranger();
  ASSERT_TRUE(behind.answered());
  const auto error = behind.outcome();
  EXPECT_EQ(code_of(error), Code::activation_behind_tokens);
  EXPECT_GE(error->retry_after, 1U);
  Asked token(queue, 600s);
  EXPECT_FALSE(token.answered());
  held.let_go();
  EXPECT_FALSE(next.outcome());
  EXPECT_FALSE(token.outcome());
}

TEST(PacedQueue, IdleTpmIsTriedHoweverSlowItWas) {
  PacedQueue queue(100, 1h);
  Asked first(queue, 1s);
  EXPECT_FALSE(first.outcome());
}

TEST(PacedQueue, SlowSpellIsForgottenBySignaturesThatAreFast) {
  PacedQueue queue(100, 1h);
  // One that comes before the last one's end is noted is shed, and measures nothing.
  for (int i = 0; i < 100'000 && queue.signature() >= 1s; ++i) {
    Asked one(queue, 30s);
    EXPECT_NE(code_of(one.outcome()), Code::deadline_passed);
  }
  EXPECT_LT(queue.signature(), 1s);
}

TEST(PacedQueue, CallThatWaitsIsRefusedAtItsDeadlineWhateverRuns) {
  PacedQueue queue(100, 1ms);
  Held held;
  Asked running(queue, 60s, held.work());
  held.wait_until_begun();
  Asked waiting(queue, 50ms);
  EXPECT_EQ(code_of(waiting.outcome()), Code::deadline_passed);
  EXPECT_FALSE(running.answered());
  held.let_go();
  EXPECT_FALSE(running.outcome());
}

TEST(PacedQueue, OfManyThatWaitEachIsRefusedAtItsOwnDeadline) {
  PacedQueue queue(100, 1ms);
  Held held;
  Asked running(queue, 60s, held.work());
  held.wait_until_begun();
  Asked late(queue, 60s);
  Asked early(queue, 30ms);
  Asked next(queue, 60ms);
  EXPECT_EQ(code_of(early.outcome()), Code::deadline_passed);
  EXPECT_EQ(code_of(next.outcome()), Code::deadline_passed);
  EXPECT_FALSE(late.answered());
  held.let_go();
  EXPECT_FALSE(late.outcome());
}

TEST(PacedQueue, CallWhoseDeadlineHasPassedIsNotTaken) {
  PacedQueue queue(100, 1ms);
  std::atomic<bool> ran = false;
  Asked late(queue, -1ms, [&] { ran = true; });
  EXPECT_EQ(code_of(late.outcome()), Code::deadline_passed);
  EXPECT_FALSE(ran);
}

TEST(PacedQueue, KeepersCallsAreNotShedForSignaturesThatWait) {
  PacedQueue queue(100, 10s);
  Held held;
  Asked running(queue, 60s, held.work());
  held.wait_until_begun();
  Asked destruction(
      queue, 5s, [] {}, Operation::destroy);
  EXPECT_FALSE(destruction.answered());
  held.let_go();
  EXPECT_FALSE(destruction.outcome());
}

TEST(PacedQueue, EndingRefusesWhatWaitsAndLetsRunWhatRuns) {
  Held held;
  auto queue = std::make_unique<PacedQueue>(100, 1ms);
  Asked running(*queue, 60s, held.work());
  held.wait_until_begun();
  Asked waiting(*queue, 60s);
  auto ending = std::async(std::launch::async, [&] { queue.reset(); });
  EXPECT_EQ(code_of(waiting.outcome()), Code::hsm_unavailable);
  held.let_go();
  ending.get();
  EXPECT_FALSE(running.outcome());
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
