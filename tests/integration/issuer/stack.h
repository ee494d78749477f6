// A provisioned issuer and an enrolled device, as provisioning/stack makes them; one for all tests
// of this executable.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace mintmark::test {

/// What a program gave.
struct Outcome {
  int status = 0;
  std::string output;  ///< Standard output and error.
};
[[nodiscard]] Outcome execute(const std::vector<std::string>& arguments);

class Stack {
 public:
  /// The one that is up; set by main().
  [[nodiscard]] static Stack& instance();

  Stack();
  ~Stack();

  /// A variable of stack.env.
  [[nodiscard]] const std::string& operator[](const std::string& name) const {
    return environment_.at(name);
  }
  [[nodiscard]] const std::string& directory() const { return directory_; }

  [[nodiscard]] Outcome agent(std::vector<std::string> arguments) const;
  [[nodiscard]] Outcome gate(std::vector<std::string> arguments) const;
  [[nodiscard]] Json control(const std::vector<std::string>& arguments) const;
  [[nodiscard]] Outcome curl(std::vector<std::string> arguments) const;
  /// A token for https://api.example; fails the test if there is none.
  [[nodiscard]] std::string token() const;

  [[nodiscard]] int keeper_pid() const;
  [[nodiscard]] int front_pid() const;
  [[nodiscard]] int signer_pid() const;
  /// Until /readyz answers 200.
  void wait_until_ready() const;
  void up();
  void down();
  /// Takes it down; then the beginning of what ASan, TSan or UBSan wrote into mintd's log.
  [[nodiscard]] std::string said_by_sanitizers();

 private:
  std::string directory_;
  std::map<std::string, std::string> environment_;
};

/// Waits for a condition, at most 30 seconds; throws with what was waited for.
void await(const std::string& what, const std::function<bool()>& condition);

}  // namespace mintmark::test
