// The clock's high-water mark, kept in the journal of keys.
#pragma once

#include <algorithm>

#include "base/time.h"
#include "revoke/patient_clock.h"
#include "store/store.h"

namespace mintmark::mintd {

/// As a clock: the present, and never behind the mark, so that what the keeper writes down and
/// judges goes forward only; a jump ahead counts when it has stood for a while, as in the front
/// (issuer::MintingClock). One thread.
class ClockMark final : public Clock {
 public:
  /// It is written this often at most: so much may be lost with the machine.
  static constexpr std::chrono::seconds written_every{10};

  ClockMark(store::KeyStateStore& states, const Clock& clock,
            revoke::PatientClock::Options patience = {.doubt = {}})
      : states_(states), clock_(clock), patient_(clock, std::move(patience)) {}

  [[nodiscard]] Moment now() const override { return std::max(mark_, patient_.now()); }
  /// The same without the mark: a clock that was set back is behind it.
  [[nodiscard]] Moment present() const { return patient_.now(); }
  /// What the journal says. `store_failed`.
  [[nodiscard]] Result<void> load();
  /// Raises the mark to the present, now and then on disk. `store_failed`: not on disk.
  [[nodiscard]] Result<void> tick();
  /// The present is right, whatever the mark says; on disk when it returns, and so are the keys'
  /// moments, of which none may lie ahead. `store_failed`.
  [[nodiscard]] Result<void> accept_present();
  [[nodiscard]] Moment mark() const { return mark_; }
  /// How far the clock is behind the mark; 0 if it is not.
  [[nodiscard]] std::chrono::seconds behind() const;

 private:
  store::KeyStateStore& states_;
  const Clock& clock_;
  mutable revoke::PatientClock patient_;
  Moment mark_{};
  Moment written_{};
};

}  // namespace mintmark::mintd
