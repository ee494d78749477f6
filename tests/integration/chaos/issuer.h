// The issuer with a wall clock of its own: keeper, front and signer live by it.
#pragma once

#include <chrono>
#include <string>

#include "clock_file.h"
#include "stack.h"

namespace mintmark::test {

/// mintd of a stack that is down. One thread, but for ahead().
class ChaosIssuer {
 public:
  explicit ChaosIssuer(const Stack& stack);

  /// Returns when it is ready.
  void start();
  /// The keeper, at once; the others end with it.
  void kill();
  /// From the true clock.
  void set_clock(std::chrono::seconds ahead) { clock_.set(ahead); }
  [[nodiscard]] std::chrono::seconds ahead() const { return clock_.ahead(); }

 private:
  void put_program(const std::string& name, bool is_child) const;

  const Stack& stack_;
  const std::string directory_;
  ClockFile clock_;
};

}  // namespace mintmark::test
