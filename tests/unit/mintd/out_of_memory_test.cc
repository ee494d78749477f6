#include "programs/out_of_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <new>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace mintmark::programs {
namespace {

void say_that_all_has_ended() {
  constexpr std::string_view words = "all has ended";
  (void)!write(STDERR_FILENO, words.data(), words.size());
}

template <typename Problem>
[[noreturn]] void die_of(const Problem& problem) {
  watch_memory("test", say_that_all_has_ended);
  std::thread([&problem] { throw problem; }).join();
  _exit(0);
}

TEST(OutOfMemory, IsToldOfAndEndsTheProcessWhenAllThatMustEndHas) {
  EXPECT_EXIT(die_of(std::bad_alloc()), ::testing::ExitedWithCode(exit_out_of_memory),
              "\"event\":\"out_of_memory\".*\n*all has ended");
}

TEST(OutOfMemory, IsNotWhatElseAProcessDiesOfButThatWaitsToo) {
  EXPECT_EXIT(die_of(std::runtime_error("a test's")), ::testing::KilledBySignal(SIGABRT),
              "\"event\":\"program_died\".*a test's.*\n*all has ended");
}

TEST(OutOfMemory, EndsAProcessThatHasNothingToWaitFor) {
  EXPECT_EXIT(
      {
        watch_memory("test");
        std::thread([] { throw std::bad_alloc(); }).join();
      },
      ::testing::ExitedWithCode(exit_out_of_memory), "");
}

}  // namespace
}  // namespace mintmark::programs
