#include "programs/mint_gate/decision_log.h"

#include <atomic>
#include <chrono>
#include <optional>

#include "telemetry/log.h"

namespace mintmark::programs {
namespace {

using telemetry::Level;

/// Strangers choose how many calls are refused: so many lines a second, all threads together. The
/// figures count each.
class LinesASecond {
 public:
  /// How many were left out before this line; nothing: leave this one out too.
  std::optional<unsigned> take() {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now())
                         .time_since_epoch()
                         .count();
    auto last = second_.load();
    if (last != now && second_.compare_exchange_strong(last, now)) lines_.store(0);
    if (lines_.fetch_add(1) < most) return left_out_.exchange(0);
    left_out_.fetch_add(1);
    return std::nullopt;
  }

 private:
  static constexpr unsigned most = 100;
  std::atomic<std::chrono::seconds::rep> second_{0};
  std::atomic<unsigned> lines_{0};
  std::atomic<unsigned> left_out_{0};
};

LinesASecond lines;

}  // namespace

void log_decision(const http::Answered& answered) {
  if (answered.cause == nullptr) return;
  const auto left_out = lines.take();
  if (!left_out) return;
  telemetry::log(answered.status >= 500 ? Level::error : Level::info, "refused", *answered.cause,
                 {{"request", std::string(answered.id)},
                  {"peer", std::string(answered.peer)},
                  {"status", std::to_string(answered.status)},
                  {"us", std::to_string(answered.took.count())},
                  {"left_out", std::to_string(*left_out)}});
}

}  // namespace mintmark::programs
