#include "hsm/pkcs11/work_queue.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace mintmark::hsm::pkcs11 {
namespace {

using namespace std::chrono_literals;

/// What became of a call: nullopt if it ran.
using Outcome = std::future<std::optional<Code>>;

Outcome submit(
    WorkQueue& queue, Deadline deadline, std::function<void()> work = [] {},
    Lane lane = Lane::tokens) {
  auto outcome = std::make_shared<std::promise<std::optional<Code>>>();
  Outcome future = outcome->get_future();
  queue.submit({deadline,
                [outcome, work = std::move(work)] {
                  work();
                  outcome->set_value(std::nullopt);
                },
                [outcome](const Error& error) { outcome->set_value(error.code); }, lane});
  return future;
}

/// A worker that is inside a call until it is let go.
struct Busy {
  explicit Busy(WorkQueue& queue)
      : ended(submit(queue, Deadline::in(60s), [this] {
          begun.set_value();
          go.get_future().wait();
        })) {
    begun.get_future().wait();
  }
  std::promise<void> begun;
  std::promise<void> go;
  Outcome ended;
};

TEST(WorkQueue, RunsACallOnce) {
  WorkQueue queue(2, 4);
  EXPECT_EQ(submit(queue, Deadline::in(60s)).get(), std::nullopt);
}

TEST(WorkQueue, RefusesACallWhoseDeadlinePassedBeforeItCame) {
  WorkQueue queue(1, 4);
  EXPECT_EQ(submit(queue, Deadline::in(-1ms)).get(), Code::deadline_passed);
}

TEST(WorkQueue, DoesNotStartACallWhoseDeadlinePassedWhileItWaited) {
  WorkQueue queue(1, 4);
  Busy busy(queue);
  const Deadline deadline = Deadline::in(5ms);
  Outcome late = submit(queue, deadline, [] { ADD_FAILURE() << "it was started"; });
  std::this_thread::sleep_until(deadline.at());
  busy.go.set_value();
  EXPECT_EQ(late.get(), Code::deadline_passed);
}

TEST(WorkQueue, RefusesAtOnceWhatExceedsItsBound) {
  WorkQueue queue(1, 2);
  Busy busy(queue);
  Outcome first = submit(queue, Deadline::in(60s));
  Outcome second = submit(queue, Deadline::in(60s));
  EXPECT_EQ(submit(queue, Deadline::in(60s)).get(), Code::overloaded);
  busy.go.set_value();
  EXPECT_EQ(first.get(), std::nullopt);
  EXPECT_EQ(second.get(), std::nullopt);
}

TEST(WorkQueue, DoesTokensBeforeAllElseThatCameEarlier) {
  WorkQueue queue(1, 16);
  Busy busy(queue);
  std::string order;
  std::vector<Outcome> outcomes;
  const auto ask = [&](Lane lane) {
    const char name = lane == Lane::tokens ? 't' : 'o';
    outcomes.push_back(submit(
        queue, Deadline::in(60s), [&order, name] { order += name; }, lane));
  };
  for (int i = 0; i < 3; ++i) ask(Lane::others);
  for (int i = 0; i < 9; ++i) ask(Lane::tokens);
  busy.go.set_value();
  for (Outcome& outcome : outcomes) EXPECT_EQ(outcome.get(), std::nullopt);
  EXPECT_EQ(order, "tttttttottoo") << "one of the others in eight";
}

TEST(WorkQueue, FullOfOthersTakesTokens) {
  WorkQueue queue(1, 8);
  Busy busy(queue);
  std::vector<Outcome> taken;
  const auto other = [&] {
    return submit(
        queue, Deadline::in(60s), [] {}, Lane::others);
  };
  taken.push_back(other());
  taken.push_back(other());
  EXPECT_EQ(other().get(), Code::overloaded);
  for (int i = 0; i < 8; ++i) taken.push_back(submit(queue, Deadline::in(60s)));
  EXPECT_EQ(submit(queue, Deadline::in(60s)).get(), Code::overloaded);
  busy.go.set_value();
  for (Outcome& outcome : taken) EXPECT_EQ(outcome.get(), std::nullopt);
}

TEST(WorkQueue, FullOfTokensTakesOthers) {
  WorkQueue queue(1, 1);
  Busy busy(queue);
  Outcome token = submit(queue, Deadline::in(60s));
  Outcome other = submit(
      queue, Deadline::in(60s), [] {}, Lane::others);
  busy.go.set_value();
  EXPECT_EQ(token.get(), std::nullopt);
  EXPECT_EQ(other.get(), std::nullopt);
}

// Else tokens that never end would have every turn of the others fall on one that is too late.
TEST(WorkQueue, WhatIsTooLateCostsTheOthersNoTurn) {
  WorkQueue queue(1, 16);
  Busy busy(queue);
  std::string order;
  const Deadline deadline = Deadline::in(5ms);
  Outcome late = submit(
      queue, deadline, [&] { order += 'l'; }, Lane::others);
  Outcome other = submit(
      queue, Deadline::in(60s), [&] { order += 'o'; }, Lane::others);
  std::vector<Outcome> tokens;
  for (int i = 0; i < 10; ++i)
    tokens.push_back(submit(queue, Deadline::in(60s), [&] { order += 't'; }));
  std::this_thread::sleep_until(deadline.at());
  busy.go.set_value();
  EXPECT_EQ(late.get(), Code::deadline_passed);
  EXPECT_EQ(other.get(), std::nullopt);
  for (Outcome& token : tokens) EXPECT_EQ(token.get(), std::nullopt);
  EXPECT_EQ(order, "tttttttottt");
}

TEST(WorkQueue, ThatEndsRefusesWhatWaitsAndLetsWhatRunsEnd) {
  auto queue = std::make_unique<WorkQueue>(1, 4);
  Busy busy(*queue);
  Outcome waiting = submit(*queue, Deadline::in(60s));
  std::thread ending([&] { queue.reset(); });
  EXPECT_EQ(waiting.get(), Code::hsm_unavailable);
  EXPECT_EQ(busy.ended.wait_for(0s), std::future_status::timeout);
  busy.go.set_value();
  EXPECT_EQ(busy.ended.get(), std::nullopt);
  ending.join();
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
