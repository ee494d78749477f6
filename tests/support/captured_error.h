// What a process logs, for tests that read it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"

namespace mintmark::test {

/// Standard error goes to a file while this lives.
class CapturedError {
 public:
  CapturedError() : file_(std::tmpfile()), before_(dup(STDERR_FILENO)) {
    // As a service's log: each write at the end.
    fcntl(fileno(file_), F_SETFL, O_APPEND);
    dup2(fileno(file_), STDERR_FILENO);
  }
  ~CapturedError() {
    dup2(before_.get(), STDERR_FILENO);
    std::fclose(file_);
  }
  CapturedError(const CapturedError&) = delete;
  CapturedError& operator=(const CapturedError&) = delete;

  [[nodiscard]] std::vector<std::string> lines() const {
    lseek(fileno(file_), 0, SEEK_SET);
    const auto text = read_fd(fileno(file_));
    std::istringstream stream(text ? *text : "");
    std::vector<std::string> all;
    for (std::string line; std::getline(stream, line);) all.push_back(line);
    return all;
  }

 private:
  std::FILE* file_;
  UniqueFd before_;
};

}  // namespace mintmark::test
