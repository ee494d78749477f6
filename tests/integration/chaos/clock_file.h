// A wall clock that a test sets while a program runs: libfaketime, which looks into a file each
// time. The steady clocks stay as they are.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "support/child_process.h"

namespace mintmark::test {

/// One thread sets it, any may ask.
class ClockFile {
 public:
  /// In this directory, which whoever runs the program can read.
  explicit ClockFile(std::string directory);
  /// From the true one.
  void set(std::chrono::seconds ahead);
  [[nodiscard]] std::chrono::seconds ahead() const { return ahead_; }
  /// What a program needs to live by it.
  [[nodiscard]] Environment environment() const;

 private:
  const std::string directory_;
  std::atomic<std::chrono::seconds> ahead_{std::chrono::seconds{0}};
};

/// The library itself.
[[nodiscard]] std::string faketime();

}  // namespace mintmark::test
