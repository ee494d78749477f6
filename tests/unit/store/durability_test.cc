// What was answered is there, at whatever moment the process was killed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "records.h"
#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

/// Enrols for ever, and says each id after it was answered.
int enrol_and_report(const std::string& path, int round, int out) {
  auto store = open_device_store(path);
  if (!store) return 1;
  for (int i = 0;; ++i) {
    const std::string id = std::to_string(round) + "-" + std::to_string(i);
    if (!test::admit(**store, test::device(id, id), "ticket-" + id, test::ticket_end)) return 2;
    const std::string line = id + "\n";
    if (write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 3;
  }
}

/// The lines that were written whole.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) return lines;
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

enum class From : std::uint8_t { start, first_answer };

/// The ids that a child answered before it was killed, some random while after its start or its
/// first answer.
std::vector<std::string> answered_before_kill(const std::string& path, int round, From from,
                                              std::chrono::microseconds after) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t child = test::in_child([&] { return enrol_and_report(path, round, out.get()); });
  out = UniqueFd();
  pollfd answer{in.get(), POLLIN, 0};
  if (from == From::first_answer) {
    EXPECT_EQ(poll(&answer, 1, 60'000), 1) << "no answer came";
  }
  // The moment of the kill is what is tried, so here time itself is the input.
  std::this_thread::sleep_for(after);
  kill(child, SIGKILL);
  EXPECT_EQ(test::end_of(child), -1) << "the child ended by itself";
  return lines_of(read_fd(in.get()).value());
}

TEST(Durability, KeepsEveryAnsweredEnrolmentThroughKills) {
  const mintmark::test::Scratch scratch;
  const std::string path = scratch / "devices.db";
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp)
  std::vector<std::string> answered;
  for (int round = 0; round < 25; ++round) {
    const std::chrono::microseconds after(random() % 40'000);
    const From from = round % 2 == 0 ? From::start : From::first_answer;
    const auto more = answered_before_kill(path, round, from, after);
    answered.insert(answered.end(), more.begin(), more.end());
  }
  const auto store = open_device_store(path).value();
  std::set<std::string> kept;
  const auto devices = store->list().value();
  for (const auto& device : devices) kept.insert(device.id);
  for (const auto& id : answered)
    EXPECT_TRUE(kept.contains(id)) << id << " was answered and is lost";
  EXPECT_GE(answered.size(), 12U) << "one a round that waited for it";
}

TEST(Durability, KeepsTheTicketOfEveryAnsweredEnrolmentThroughKills) {
  const mintmark::test::Scratch scratch;
  const std::string path = scratch / "devices.db";
  const auto answered =
      answered_before_kill(path, 0, From::first_answer, std::chrono::milliseconds(200));
  const auto store = open_device_store(path).value();
  ASSERT_GT(answered.size(), 0U);
  for (const auto& id : answered) {
    const auto again = test::admit(*store, test::device(id, id), "ticket-" + id, test::ticket_end);
    ASSERT_FALSE(again) << id;
    EXPECT_EQ(again.error().code, Code::ticket_used);
  }
}

}  // namespace
}  // namespace mintmark::store
