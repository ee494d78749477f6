#include "revoke/patient_clock.h"

#include <utility>

namespace mintmark::revoke {
namespace {

/// Clocks are not read at the same moment, and one is slewed.
constexpr std::chrono::seconds no_jump{2};

}  // namespace

PatientClock::PatientClock(const Clock& wall, Options options)
    : wall_(wall),
      options_(std::move(options)),
      known_(wall.now() - options_.behind),
      known_at_(options_.steady()),
      ahead_(options_.behind),
      ahead_since_(known_at_) {}

Moment PatientClock::now() {
  const Moment wall = wall_.now();
  const auto at = options_.steady();
  const Moment expected = known_ + std::chrono::floor<std::chrono::seconds>(at - known_at_);
  const auto ahead = wall - expected;
  if (ahead > ahead_ + no_jump) ahead_since_ = at;
  ahead_ = ahead;
  if (ahead > no_jump && at - ahead_since_ < options_.doubt) return expected;
  ahead_ = std::chrono::seconds{0};
  known_at_ = at;
  return known_ = wall;
}

}  // namespace mintmark::revoke
