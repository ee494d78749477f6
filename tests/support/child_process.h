// Programs beside a test: started, waited for, ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mintmark::test {

using Environment = std::map<std::string, std::string>;

/// A running program, found by PATH (and in /usr/sbin). Output goes to a file, for the message of a
/// failure. Ended with SIGTERM, then, after five seconds, SIGKILL; and by the kernel when the
/// test's process dies.
class ChildProcess {
 public:
  /// `environment` is added to the test's own. Throws if the program cannot be started.
  ChildProcess(const std::vector<std::string>& arguments, std::filesystem::path log,
               const Environment& environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  /// What it wrote so far.
  [[nodiscard]] std::string output() const;
  void end();
  /// Waits until it ends by itself; its exit status, or 128 + signal.
  [[nodiscard]] int wait();

 private:
  std::string name_;
  std::filesystem::path log_;
  pid_t pid_ = -1;
  int status_ = 0;
};

/// Runs to its end and gives what it wrote; throws, with that, on any exit status but 0.
std::string run(const std::vector<std::string>& arguments, const Environment& environment = {});

/// Waits for a condition; throws "TIMEOUT waiting for WHAT" after `longest`, or at once when the
/// child has ended.
void wait_until(const std::string& what, ChildProcess& child,
                const std::function<bool()>& condition,
                std::chrono::seconds longest = std::chrono::seconds{30});

}  // namespace mintmark::test
