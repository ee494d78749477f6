#include "support/scarce_memory.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <stdexcept>

namespace mintmark::test {
namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

// What this thread's allocations have to expect.
struct Scarcity {
  std::size_t failing = never;  // Which one, from 0.
  bool from_then_on = false;
  std::size_t seen = 0;

  bool fails() {
    const std::size_t nth = seen++;
    return nth == failing || (from_then_on && nth > failing);
  }
};
thread_local Scarcity scarcity;

void* allocate(std::size_t size, const char* /*file*/, int /*line*/) {
  return scarcity.fails() ? nullptr : std::malloc(size);
}

void* allocate_anew(void* old, std::size_t size, const char* /*file*/, int /*line*/) {
  return scarcity.fails() ? nullptr : std::realloc(old, size);
}

void release(void* old, const char* /*file*/, int /*line*/) { std::free(old); }

// OpenSSL takes them before it has allocated anything, and never later.
bool taken = false;
[[gnu::constructor]] void take_memory() {
  taken = CRYPTO_set_mem_functions(&allocate, &allocate_anew, &release) == 1;
}

// Gives how many allocations there were.
std::size_t run_with(const Scarcity& expected, const std::function<void()>& operation) {
  scarcity = expected;
  operation();
  const std::size_t seen = scarcity.seen;
  scarcity = Scarcity{};
  ERR_clear_error();
  return seen;
}

// A program that throws for lack of memory ends, which is no answer.
Result<std::string> answer_or_end(const Asked& asked) {
  try {
    return asked.ask();
  } catch (const std::bad_alloc&) {
    return fail(Code::internal, "no memory");
  }
}

std::string told(const Result<std::string>& answer) {
  return answer ? "taken: " + *answer : "refused: " + answer.error().to_string();
}

}  // namespace

void without_memory(const std::function<void()>& operation) {
  if (!taken) throw std::logic_error("OpenSSL had memory before this test could take it");
  run_with(Scarcity{.failing = 0, .from_then_on = true}, operation);
}

void with_memory(const std::function<void()>& part) {
  const Scarcity outside = scarcity;
  scarcity = Scarcity{};
  part();
  scarcity = outside;
}

std::size_t expect_closed_without_memory(const Asked& asked, std::size_t most_tried) {
  EXPECT_TRUE(taken) << "OpenSSL had memory before this test could take it";
  Result<std::string> right = std::string();
  // Twice: what is made once for the whole process is no part of it.
  run_with({}, [&] { right = asked.ask(); });
  const std::size_t all = run_with({}, [&] { right = asked.ask(); });
  const std::size_t step = std::max<std::size_t>(1, all / most_tried);
  std::size_t refused = 0;
  for (const bool from_then_on : {false, true}) {
    for (std::size_t nth = std::hash<std::string>{}(asked.name) % step; nth < all; nth += step) {
      Result<std::string> answer = std::string();
      run_with({.failing = nth, .from_then_on = from_then_on},
               [&] { answer = answer_or_end(asked); });
      if (!answer && right) ++refused;
      const bool closed = !answer || (right && *answer == *right);
      EXPECT_TRUE(closed) << asked.name << ", allocation " << nth << " of " << all
                          << (from_then_on ? " and all after it: " : ": ") << told(answer)
                          << ", and with memory " << told(right);
      if (!closed) return refused;
    }
  }
  EXPECT_EQ(told(asked.ask()), told(right)) << asked.name << ": lack of memory was remembered";
  return refused;
}

}  // namespace mintmark::test
