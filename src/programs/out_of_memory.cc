#include "programs/out_of_memory.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <new>

namespace mintmark::programs {
namespace {

std::atomic<std::uint64_t> refusals{0};
const char* program_name = "mintmark";
void (*must_end_first)() = nullptr;

// As telemetry::log has its lines, and without an allocation.
void write_line(const char* event, const char* code, const char* detail) {
  std::timespec now{};
  (void)std::timespec_get(&now, TIME_UTC);
  std::tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  std::array<char, 512> line{};
  const int length = std::snprintf(
      line.data(), line.size(),
      "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\",\"level\":\"error\",\"program\":\"%s\","
      "\"event\":\"%s\",\"code\":\"%s\",\"detail\":\"%s\"}\n",
      parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
      parts.tm_sec, static_cast<int>(now.tv_nsec / 1'000'000), program_name, event, code, detail);
  if (length > 0)
    (void)!write(STDERR_FILENO, line.data(),
                 std::min(static_cast<std::size_t>(length), line.size() - 1));
}

void refuse_memory() {
  refusals.fetch_add(1, std::memory_order_relaxed);
  throw std::bad_alloc();
}

[[noreturn]] void end() {
  try {
    if (const auto cause = std::current_exception()) std::rethrow_exception(cause);
  } catch (const std::bad_alloc&) {
    write_line("out_of_memory", "out_of_memory",
               "this program gets no more memory and ends; it is started again. Give the machine "
               "or the service more");
    if (must_end_first != nullptr) must_end_first();
    _exit(exit_out_of_memory);
  } catch (const std::exception& problem) {
    // What it says is a system's or a library's, with no stranger's text and no quotes.
    write_line("program_died", "internal", problem.what());
  } catch (...) {
    write_line("program_died", "internal", "something that is no std::exception");
  }
  if (must_end_first != nullptr) must_end_first();
  std::abort();
}

}  // namespace

void watch_memory(const char* program, void (*before_end)()) {
  program_name = program;
  must_end_first = before_end;
  std::set_new_handler(refuse_memory);
  std::set_terminate(end);
}

std::uint64_t memory_refusals() { return refusals.load(std::memory_order_relaxed); }

}  // namespace mintmark::programs
