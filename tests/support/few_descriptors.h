// Descriptors taken away from a program that runs.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.h"

namespace mintmark::test {

/// No descriptor more for a process, until this ends. `user`: its own, who may do that.
class FewDescriptors {
 public:
  explicit FewDescriptors(int pid, std::string user = "") : pid_(pid), user_(std::move(user)) {
    int lowest_free = 0;
    while (std::filesystem::exists(std::filesystem::symlink_status(
        "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(lowest_free))))
      ++lowest_free;
    const auto seen = as_its_user({"--nofile", "--noheadings", "--raw", "--output", "SOFT"});
    before_ = seen.substr(0, seen.find('\n'));
    set(std::to_string(lowest_free));
  }
  ~FewDescriptors() { EXPECT_NO_THROW(set(before_)); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  [[nodiscard]] std::string as_its_user(const std::vector<std::string>& wish) const {
    std::vector<std::string> words{"prlimit", "--pid", std::to_string(pid_)};
    words.insert(words.end(), wish.begin(), wish.end());
    if (!user_.empty()) words.insert(words.begin(), {"runuser", "-u", user_, "--"});
    return run(words);
  }
  void set(const std::string& most) const { (void)as_its_user({"--nofile=" + most + ":"}); }

  int pid_;
  std::string user_;
  std::string before_;
};

}  // namespace mintmark::test
