#include "telemetry/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <new>

#include "base/mutex.h"
#include "base/text.h"

namespace mintmark::telemetry {
namespace {

std::atomic<Level> least_level{Level::info};
Mutex program_mutex;
std::string& program_name() MINTMARK_REQUIRES(program_mutex) {
  // Never destroyed: threads may still log while the process ends.
  static auto* const name = new std::string("mintmark");
  return *name;
}

std::string_view name_of_level(Level level) {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  const auto index = static_cast<std::size_t>(level);
  return index < names.size() ? names[index] : names.back();
}

/// RFC 3339 §5.6 in UTC, with milliseconds. Wants no memory.
using Timestamp = std::array<char, 64>;
Timestamp timestamp() {
  const auto now = std::chrono::system_clock::now();
  const auto since_epoch =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  const auto seconds = static_cast<std::time_t>(since_epoch.count() / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  Timestamp text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                      parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                      parts.tm_min, parts.tm_sec, static_cast<int>(since_epoch.count() % 1000));
  return text;
}

void append_member(std::string& line, std::string_view name, std::string_view value) {
  line += ',';
  append_json_string(line, name);
  line += ':';
  append_json_string(line, value);
}

std::string begin_line(Level level, std::string_view event) {
  std::string line;
  line.reserve(256);
  line += "{\"ts\":\"";
  line += timestamp().data();
  line += '"';
  append_member(line, "level", name_of_level(level));
  {
    const MutexLock lock(program_mutex);
    append_member(line, "program", program_name());
  }
  append_member(line, "event", event);
  return line;
}

// One write a line, so that lines of several processes on one descriptor do not mix. A failed write
// is dropped: there is nowhere left to say so.
void write_whole(std::string_view line) {
  while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

void end_line(std::string& line) {
  line += "}\n";
  write_whole(line);
}

// What is told of the want of memory is told without: event and code alone.
void write_without_memory(Level level, std::string_view event, std::string_view code) {
  std::array<char, 512> line{};
  const auto width = [](std::string_view text) { return static_cast<int>(text.size()); };
  const std::string_view named = name_of_level(level);
  const int length = std::snprintf(
      line.data(), line.size(),
      R"({"ts":"%s","level":"%.*s","event":"%.*s","code":"%.*s","detail":"no memory for more"})"
      "\n",
      timestamp().data(), width(named), named.data(), width(event), event.data(), width(code),
      code.data());
  if (length > 0 && static_cast<std::size_t>(length) < line.size())
    write_whole({line.data(), static_cast<std::size_t>(length)});
}

}  // namespace

void configure(std::string_view program, Level least) {
  least_level.store(least, std::memory_order_relaxed);
  const MutexLock lock(program_mutex);
  program_name() = program;
}

Result<Level> level_named(std::string_view name) {
  for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
    if (name == name_of_level(level)) return level;
  }
  return fail(Code::invalid_argument,
              "log level \"" + std::string(name) + "\" is not one of debug, info, warning, error");
}

void log(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (level < least_level.load(std::memory_order_relaxed)) return;
  try {
    std::string line = begin_line(level, event);
    for (const auto& [name, value] : fields) append_member(line, name, value);
    end_line(line);
  } catch (const std::bad_alloc&) {
    write_without_memory(level, event, facts_of(Code::out_of_memory).name);
  }
}

void log(Level level, std::string_view event, const Error& error,
         std::initializer_list<Field> fields) {
  if (level < least_level.load(std::memory_order_relaxed)) return;
  try {
    std::string line = begin_line(level, event);
    append_member(line, "code", facts_of(error.code).name);
    append_member(line, "action", name_of(error.action()));
    append_member(line, "detail", error.detail);
    if (error.native != 0) {
      std::array<char, 24> native{};
      std::snprintf(native.data(), native.size(), "0x%llx",
                    static_cast<unsigned long long>(error.native));
      append_member(line, "native", native.data());
    }
    for (const auto& [name, value] : fields) append_member(line, name, value);
    end_line(line);
  } catch (const std::bad_alloc&) {
    write_without_memory(level, event, facts_of(error.code).name);
  }
}

}  // namespace mintmark::telemetry
