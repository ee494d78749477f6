#include "programs/mintd/signer_watch.h"

#include <algorithm>

namespace mintmark::mintd {
namespace {

using hsm::Operation;

/// For the queue between a deadline and the call it belongs to.
constexpr std::chrono::milliseconds margin{100};
constexpr std::chrono::milliseconds shortest{200};
/// A TPM may have to derive its EK anew for it: seconds, on a slow one.
constexpr std::chrono::milliseconds evidence{30'000};

}  // namespace

std::chrono::milliseconds SignerWatch::limit_of(Operation operation) const {
  switch (operation) {
    case Operation::open:
    case Operation::login:
    case Operation::reinitialise:
      return store_.start_up;
    case Operation::generate:
    case Operation::destroy:
      return store_.key_change;
    case Operation::evidence:
      return std::max(store_.call_deadline, evidence) + margin;
    case Operation::sign:
    case Operation::list:
      break;
  }
  return std::max(store_.call_deadline, shortest) + margin;
}

SignerWatch::Finding SignerWatch::look(Clock::time_point now) {
  Finding finding;
  bool busy_itself = false;
  for (const hsm::Vitals::Running& running : vitals_->running()) {
    finding.writing = finding.writing || hsm::writes_token(running.operation);
    // Before it serves, its one thread is inside the module.
    busy_itself = busy_itself || running.operation == Operation::open;
    if (running.since <= limit_of(running.operation)) continue;
    finding.hung = true;
    finding.what = std::string(hsm::name_of(running.operation)) + " for " +
                   std::to_string(running.since.count()) + " ms";
  }
  const std::uint64_t beats = vitals_->beats();
  if (beats != beats_ || busy_itself) beat_at_ = now;
  beats_ = beats;
  if (!finding.hung && now - beat_at_ > still_at_most) {
    finding.hung = true;
    finding.what =
        "no sign of life for " +
        std::to_string(
            std::chrono::duration_cast<std::chrono::milliseconds>(now - beat_at_).count()) +
        " ms";
  }
  return finding;
}

}  // namespace mintmark::mintd
