#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace mintmark {
namespace {

tl::unexpected<Error> io_error(const std::filesystem::path& path, const char* what) {
  return fail(Code::io_failed, path.string() + ": " + what + ": " + errno_text(errno));
}

Result<void> write_all(int fd, std::string_view content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error(path, "cannot write");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

std::string errno_text(int number) {
  return std::error_code(number, std::generic_category()).message();
}

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

Result<std::string> read_fd(int fd, std::size_t limit) {
  std::string content;
  std::array<char, 16384> chunk{};
  for (;;) {
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Code::io_failed, "cannot read: " + errno_text(errno));
    if (count == 0) return content;
    if (content.size() + static_cast<std::size_t>(count) > limit) {
      return fail(Code::io_failed, "longer than " + std::to_string(limit) + " octets");
    }
    content.append(chunk.data(), static_cast<std::size_t>(count));
  }
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return io_error(path, "cannot open");
  auto content = read_fd(fd.get(), limit);
  if (!content) return fail(content.error().code, path.string() + ": " + content.error().detail);
  return content;
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                   unsigned mode) {
  const std::filesystem::path beside = path.string() + ".new";
  {
    UniqueFd fd(open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) return io_error(beside, "cannot create");
    // An older file of that name may have had another mode, and umask takes bits away.
    if (fchmod(fd.get(), mode) != 0) return io_error(beside, "cannot set the mode");
    if (auto written = write_all(fd.get(), content, beside); !written) return written;
    if (fsync(fd.get()) != 0) return io_error(beside, "cannot sync");
  }
  if (rename(beside.c_str(), path.c_str()) != 0) return io_error(path, "cannot rename");
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const UniqueFd directory(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) != 0)
    return io_error(parent, "cannot sync the directory");
  return {};
}

}  // namespace mintmark
