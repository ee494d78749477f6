// A process that must end on the spot does not end inside a call into the vendor's module. Each in
// a process of its own, which does end.
#include "hsm/last_operations.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "hsm/vitals.h"

namespace mintmark::hsm {
namespace {

using namespace std::chrono_literals;

/// A thread that is inside an operation, which it has others inside of, for 200 ms.
class Inside {
 public:
  Inside() {
    std::thread([this] {
      {
        const Vitals::Scope sign(nullptr, Operation::sign);
        { const Vitals::Scope login(nullptr, Operation::login); }
        begun_ = true;
        std::this_thread::sleep_for(200ms);
        over_ = true;
      }
      const Vitals::Scope next(nullptr, Operation::sign);
      began_another_ = true;
    }).detach();
    while (!begun_) std::this_thread::yield();
  }
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] bool began_another() const { return began_another_; }

 private:
  std::atomic<bool> begun_ = false;
  std::atomic<bool> over_ = false;
  std::atomic<bool> began_another_ = false;
};

constexpr int as_it_should = 7;
const ::testing::ExitedWithCode ends_as_it_should(as_it_should);

[[noreturn]] void end(bool right) { _exit(right ? as_it_should : 1); }

TEST(LastOperations, OfOtherThreadsAreWaitedFor) {
  EXPECT_EXIT(
      {
        const Inside inside;
        end_operations();
        end(inside.over());
      },
      ends_as_it_should, "");
}

TEST(LastOperations, AreFollowedByNone) {
  EXPECT_EXIT(
      {
        const Inside inside;
        end_operations();
        std::this_thread::sleep_for(100ms);
        end(!inside.began_another());
      },
      ends_as_it_should, "");
}

// An exception that nobody catches leaves its thread inside.
TEST(LastOperations, OfTheThreadsThatEndTheProcessAreOver) {
  EXPECT_EXIT(
      {
        std::thread another([] {
          const Vitals::Scope sign(nullptr, Operation::sign);
          std::this_thread::sleep_for(50ms);
          end_operations();
        });
        const Vitals::Scope sign(nullptr, Operation::sign);
        const Vitals::Scope login(nullptr, Operation::login);
        std::this_thread::sleep_for(50ms);
        end_operations();
        another.join();
        end(true);
      },
      ends_as_it_should, "");
}

TEST(LastOperations, ThatAreOverKeepNobody) {
  EXPECT_EXIT(
      {
        { const Vitals::Scope sign(nullptr, Operation::sign); }
        end_operations();
        end(true);
      },
      ends_as_it_should, "");
}

}  // namespace
}  // namespace mintmark::hsm
