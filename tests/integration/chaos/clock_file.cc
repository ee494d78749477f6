#include "clock_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mintmark::test {

std::string faketime() {
  // One name on Debian's architectures each.
  const std::string found =
      run({"bash", "-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1 | head -n 1"});
  return found.substr(0, found.find('\n'));
}

ClockFile::ClockFile(std::string directory) : directory_(std::move(directory)) {
  set(std::chrono::seconds{0});
}

void ClockFile::set(std::chrono::seconds ahead) {
  // Replaced in one go: it is read at any moment.
  const std::string file = directory_ + "/clock";
  std::ofstream(file + ".new") << (ahead.count() < 0 ? "-" : "+") << std::abs(ahead.count())
                               << "\n";
  ahead_ = ahead;
  std::filesystem::rename(file + ".new", file);
}

Environment ClockFile::environment() const {
  return {{"FAKETIME_TIMESTAMP_FILE", directory_ + "/clock"},
          {"FAKETIME_NO_CACHE", "1"},
          {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
          {"NO_FAKE_STAT", "1"}};
}

}  // namespace mintmark::test
