// A directory of one's own, gone with the object.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace mintmark::test {

/// Mode 0700, below the system's temporary directory; short enough that a unix socket fits in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file in it and gives its path.
  std::filesystem::path write(
      const std::string& name, std::string_view content,
      std::filesystem::perms mode = std::filesystem::perms::owner_read |
                                    std::filesystem::perms::owner_write) const;

 private:
  std::filesystem::path path_;
};

}  // namespace mintmark::test
