// By which it is decided what is over and may be forgotten for good.
#pragma once

#include <chrono>
#include <functional>

#include "base/time.h"

namespace mintmark::revoke {

/// The wall clock, but for its jumps ahead: they are believed once they have stood for a while, and
/// until then it goes on as before. A clock that was wrong for an hour would else have what is good
/// forgotten, and nothing brings that back. It follows back at once: that only keeps more.
/// Not thread-safe.
class PatientClock {
 public:
  using Steady = std::chrono::steady_clock;
  struct Options {
    std::chrono::seconds doubt;  ///< How long a jump must stand; what is kept longer, at most.
    /// So far behind it begins, as if the clock had just jumped: a start has nothing to compare
    /// with.
    std::chrono::seconds behind{0};
    /// What is no jump: clocks are not read at the same moment, and one is slewed.
    std::chrono::seconds no_jump{2};
    std::function<Steady::time_point()> steady = Steady::now;
    /// Of a clock that went back by more than no_jump it is remembered where it was: when it
    /// returns there, that is no jump ahead.
    bool may_return = false;
  };
  /// Of a machine's clock by which tokens are minted and keys led (docs/adr/0037): a jump of more
  /// than 60 s is doubted for 5 minutes. A machine that slept did not jump.
  [[nodiscard]] static Options of_an_issuer();

  /// `wall` must outlive it.
  PatientClock(const Clock& wall, Options options);

  [[nodiscard]] Moment now();
  /// How far the wall clock is ahead of now(), as of the last now(): 0 where it is believed.
  [[nodiscard]] std::chrono::seconds doubted() const { return ahead_; }
  /// The wall clock is right, whatever it did.
  void believe();
  /// Somebody who knows says how late it is: an earlier moment than the wall clock's is a jump of
  /// that.
  void expect(Moment present);
  /// The one that nobody sets.
  [[nodiscard]] Steady::time_point steady() const { return options_.steady(); }

 private:
  const Clock& wall_;
  const Options options_;
  Moment known_;  // What it said at known_at_.
  Steady::time_point known_at_;
  std::chrono::seconds ahead_{0};  // Of the wall clock, when it was last looked at.
  Steady::time_point ahead_since_;
};

}  // namespace mintmark::revoke
