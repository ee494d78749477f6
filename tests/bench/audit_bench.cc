#include "audit_bench.h"

#include <malloc.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <semaphore>
#include <stdexcept>

#include "audit/issuance_log.h"
#include "base/json.h"
#include "jose/base64url.h"
#include "programs/command_line.h"
#include "revoke/live_tokens.h"
#include "revoke/status_lists.h"
#include "support/scratch.h"

namespace mintmark::bench {
namespace {

using Clock = std::chrono::steady_clock;

const programs::Program program{
    "mint-bench audit",
    "tokens a second and CPU a token through the log of issued tokens, by how many wait at once; "
    "memory of live tokens and their status lists",
    {{"--tokens", "N", "written for each figure (default 20000)"},
     {"--live", "N", "live tokens for the figure of memory (default 300000)"},
     {"--directory", "D", "where the log is written (default: the system's for temporary files)"},
     {"--json", "", "print the figures as JSON"}},
    {}};

audit::Issued token(std::size_t number) {
  const Moment now = from_unix(1'800'000'000);
  return {.jti = jose::base64url(random_bytes(16)),
          .device = "device-of-22-octets-" + std::to_string(number % 10'000),
          .audience = "https://api.example",
          .kid = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
          .rule = "sensors",
          .issued_at = now,
          .expires_at = now + std::chrono::seconds(300),
          .list = 1,
          .index = static_cast<std::uint32_t>(number),
          .ends_with_evidence = false};
}

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

/// So many wait at once, always.
Json through_the_log(const std::string& directory, std::size_t tokens, std::ptrdiff_t waiting) {
  const test::Scratch scratch(directory);
  auto log = audit::open_issuance_log(scratch / "issued.db");
  if (!log) throw std::runtime_error(log.error().to_string());
  std::counting_semaphore<1024> room(waiting);
  std::atomic<std::size_t> failed = 0;
  std::vector<audit::Issued> made;
  for (std::size_t i = 0; i < tokens; ++i) made.push_back(token(i));
  const double cpu_before = cpu_us();
  const auto began = Clock::now();
  for (audit::Issued& one : made) {
    room.acquire();
    (*log)->append(std::move(one), [&](const Result<void>& written) {
      if (!written) ++failed;
      room.release();
    });
  }
  for (std::ptrdiff_t i = 0; i < waiting; ++i) room.acquire();
  const std::chrono::duration<double> span = Clock::now() - began;
  const auto count = static_cast<double>(tokens);
  return {{"waiting", waiting},
          {"tokens_a_second", count / span.count()},
          {"cpu_us_a_token", (cpu_us() - cpu_before) / count},
          {"tokens_a_group", count / static_cast<double>((*log)->written().groups)},
          {"failed", failed.load()}};
}

double heap_octets() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

Json memory_of(std::size_t live) {
  const test::Scratch scratch;
  const double before = heap_octets();
  revoke::LiveTokens tokens;
  for (std::size_t i = 0; i < live; ++i) tokens.put(token(i));
  const double with_tokens = heap_octets();
  auto statuses = revoke::open_status_indexes(scratch / "status.db", {});
  if (!statuses) throw std::runtime_error(statuses.error().to_string());
  const double with_lists = heap_octets();
  const auto began = Clock::now();
  const auto met = tokens.all([](const audit::Issued& one) { return one.rule == "none"; });
  const std::chrono::duration<double, std::milli> looked_through = Clock::now() - began;
  return {{"live_tokens", tokens.size()},
          {"octets_a_token", (with_tokens - before) / static_cast<double>(live)},
          {"tokens_mib", (with_tokens - before) / (1U << 20U)},
          {"one_list_mib", (with_lists - with_tokens) / (1U << 20U)},
          {"looked_through_ms", looked_through.count()},
          {"met", met.size()}};
}

}  // namespace

int audit(int argc, char** argv) {
  const auto line = programs::read_command_line(program, argc, argv);
  if (!line.arguments) return line.exit_status;
  const programs::Arguments& arguments = *line.arguments;
  const std::size_t tokens = std::stoul(arguments.value("--tokens", "20000"));
  const std::string directory =
      arguments.value("--directory", std::filesystem::temp_directory_path().string());
  Json figures = {{"log", Json::array()}};
  std::size_t failed = 0;
  for (const std::ptrdiff_t waiting : {1, 4, 16, 64, 256}) {
    // One at a time waits for a flush each.
    Json one = through_the_log(directory, waiting == 1 ? tokens / 10 : tokens, waiting);
    failed += one["failed"].get<std::size_t>();
    figures["log"].push_back(std::move(one));
  }
  figures["memory"] = memory_of(std::stoul(arguments.value("--live", "300000")));
  std::printf("%s\n", figures.dump(arguments.has("--json") ? -1 : 2).c_str());
  return failed == 0 ? programs::exit_done : programs::exit_denied;
}

}  // namespace mintmark::bench
