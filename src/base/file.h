// Files and descriptors.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark {

/// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// The whole file, at most `limit` octets; `io_failed` names the path and the reason.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::size_t limit = 16U << 20U);
/// All that is left to read of a descriptor, at most `limit` octets.
[[nodiscard]] Result<std::string> read_fd(int fd, std::size_t limit = 16U << 20U);

/// Writes beside, syncs, renames, syncs the directory: after a crash there is the old file or the
/// new one.
[[nodiscard]] Result<void> write_file_atomically(const std::filesystem::path& path,
                                                 std::string_view content, unsigned mode = 0600);

/// strerror without its thread trouble.
[[nodiscard]] std::string errno_text(int number);

}  // namespace mintmark
