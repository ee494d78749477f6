#include "hsm/pkcs11/work_queue.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace mintmark::hsm::pkcs11 {
namespace {

using namespace std::chrono_literals;

/// What became of a call: nullopt if it ran.
using Outcome = std::future<std::optional<Code>>;

Outcome submit(
    WorkQueue& queue, Deadline deadline, std::function<void()> work = [] {}) {
  auto outcome = std::make_shared<std::promise<std::optional<Code>>>();
  Outcome future = outcome->get_future();
  queue.submit({deadline,
                [outcome, work = std::move(work)] {
                  work();
                  outcome->set_value(std::nullopt);
                },
                [outcome](const Error& error) { outcome->set_value(error.code); }});
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
