#include "revoke/patient_clock.h"

#include <utility>

#include "verify/boot_clock.h"

namespace mintmark::revoke {

PatientClock::Options PatientClock::of_an_issuer() {
  const auto awake_and_asleep = [] {
    return Steady::time_point(
        std::chrono::duration_cast<Steady::duration>(verify::BootClock::now().time_since_epoch()));
  };
  return {.doubt = std::chrono::minutes(5),
          .behind = {},
          .no_jump = std::chrono::seconds(60),
          .steady = awake_and_asleep,
          .may_return = true};
}

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
  if (options_.may_return && ahead < -options_.no_jump) {
    ahead_ = std::chrono::seconds{0};
    return wall;
  }
  if (ahead > ahead_ + options_.no_jump) ahead_since_ = at;
  ahead_ = ahead;
  if (ahead > options_.no_jump && at - ahead_since_ < options_.doubt) return expected;
  ahead_ = std::chrono::seconds{0};
  known_at_ = at;
  return known_ = wall;
}

void PatientClock::believe() {
  ahead_ = std::chrono::seconds{0};
  known_at_ = options_.steady();
  known_ = wall_.now();
}

void PatientClock::expect(Moment present) {
  known_at_ = ahead_since_ = options_.steady();
  known_ = present;
  ahead_ = wall_.now() - present;
}

}  // namespace mintmark::revoke
