#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "base/bytes.h"
#include "base/file.h"
#include "store/store.h"

namespace mintmark::store {
namespace {

std::string now_as_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

/// A lock of the open file description: it goes when the last process that holds the descriptor
/// ends or execs, and not when some other descriptor of the file is closed.
bool lock(int fd) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return fcntl(fd, F_OFD_SETLK, &whole) == 0;
}

std::string holder_of(int fd) {
  std::array<char, 128> text{};
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  const std::string_view line(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const auto end = line.find('\n');
  // The holder locks first and writes then.
  return end == std::string_view::npos ? "a process that has just begun"
                                       : printable(line.substr(0, end));
}

Result<void> write_holder(int fd, const std::string& path) {
  const std::string line = "process " + std::to_string(getpid()) + " since " + now_as_text() + "\n";
  const bool written = ftruncate(fd, 0) == 0 &&
                       pwrite(fd, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size());
  if (written) return {};
  return fail(Code::store_failed, path + ": cannot write the lease: " + errno_text(errno));
}

}  // namespace

Result<Lease> Lease::take(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(Code::store_failed, path + ": cannot open the lease: " + errno_text(errno));
  if (!lock(fd.get())) {
    if (errno != EAGAIN && errno != EACCES) {
      return fail(Code::store_failed, path + ": cannot lock the lease: " + errno_text(errno));
    }
    return fail(Code::lease_held, path + ": is held by " + holder_of(fd.get()) +
                                      "; one issuer at a time may use a store");
  }
  if (auto written = write_holder(fd.get(), path); !written) return pass_on(written);
  return Lease(fd.release(), path);
}

Result<void> Lease::check() const {
  const auto lost = [this](const std::string& how) {
    return fail(Code::lease_lost, path_ + ": " + how +
                                      "; another issuer may use this store, so this one must not. "
                                      "Whoever cleans up there must leave it alone");
  };
  struct stat ours {};
  struct stat present {};
  if (fstat(fd_, &ours) != 0) return lost("the lock's descriptor is gone: " + errno_text(errno));
  if (lstat(path_.c_str(), &present) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return lost("the lock file is gone");
    return {};  // An ailing disk says nothing of it, and nobody else can take it there.
  }
  if (ours.st_dev != present.st_dev || ours.st_ino != present.st_ino)
    return lost("another file stands in the lock file's place");
  // Asked by another open file, the kernel names our own lock. Closing that one does not end it.
  const UniqueFd another(open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!another) return {};
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(another.get(), F_OFD_GETLK, &whole) == 0 && whole.l_type == F_UNLCK)
    return lost("its lock is gone");
  return {};
}

Lease::Lease(Lease&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

Lease::~Lease() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace mintmark::store
