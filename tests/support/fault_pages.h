// What fault_shim is told, program by program.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"
#include "support/fault_page.h"

namespace mintmark::test {

/// One for each program, in memory that it shares. They last as long as the test's process.
class FaultPages {
 public:
  /// Makes the directory that MINTMARK_FAULTS is to name.
  FaultPages(const std::string& directory, const std::vector<std::string>& programs) {
    std::filesystem::create_directory(directory);
    std::filesystem::permissions(directory, std::filesystem::perms(0755));
    for (const std::string& program : programs) pages_[program] = make(directory + "/" + program);
  }
  FaultPage& operator[](const std::string& program) const { return *pages_.at(program); }
  void set_clocks(std::int64_t seconds) const {
    for (const auto& [program, page] : pages_) page->clock_seconds = seconds;
  }
  void clear() const {
    for (const auto& [program, page] : pages_) *page = {};
  }

 private:
  static FaultPage* make(const std::string& path) {
    const FaultPage nothing;
    std::ofstream(path).write(reinterpret_cast<const char*>(&nothing), sizeof nothing);
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    const UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
    void* memory = mmap(nullptr, sizeof nothing, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory to share: " + path);
    return static_cast<FaultPage*>(memory);
  }
  std::map<std::string, FaultPage*> pages_;
};

}  // namespace mintmark::test
