// Paths in a configuration are relative to its file, so that it can be moved as one directory.
#pragma once

#include <filesystem>
#include <string>

namespace mintmark::config {

class Directory {
 public:
  /// That of the file.
  explicit Directory(const std::string& file) {
    std::error_code ignored;
    const auto whole = std::filesystem::absolute(file, ignored);
    path_ = (ignored ? std::filesystem::path(file) : whole).parent_path();
  }

  /// "" stays "".
  [[nodiscard]] std::string resolve(const std::string& path) const {
    return path.empty() ? path : (path_ / path).lexically_normal().string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace mintmark::config
