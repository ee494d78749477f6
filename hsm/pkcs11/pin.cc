#include "hsm/pkcs11/pin.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/file.h"

namespace mintmark::hsm::pkcs11 {
namespace {

tl::unexpected<Error> unreadable(const std::string& source, const std::string& why) {
  return fail(Code::hsm_pin_unreadable, source + ": " + why);
}

/// A buffer on the stack, wiped on every way out: a growing string would leave copies behind.
struct PinBuffer {
  std::array<std::uint8_t, longest_pin + 2> octets{};
  std::size_t size = 0;
  ~PinBuffer() { wipe(octets); }
};

Result<Secret> read_from(int fd, const std::string& source) {
  PinBuffer buffer;
  while (buffer.size < buffer.octets.size()) {
    const ssize_t count =
        read(fd, buffer.octets.data() + buffer.size, buffer.octets.size() - buffer.size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(source, errno_text(errno));
    if (count == 0) break;
    buffer.size += static_cast<std::size_t>(count);
  }
  if (buffer.size > 0 && buffer.octets.at(buffer.size - 1) == '\n') --buffer.size;
  if (buffer.size > longest_pin) {
    return unreadable(source, "longer than " + std::to_string(longest_pin) + " octets: no PIN");
  }
  if (buffer.size == 0) return fail(Code::hsm_pin_empty, source + ": holds no PIN");
  return Secret(BytesView(buffer.octets).first(buffer.size));
}

Result<Secret> read_pin_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return unreadable(path, errno_text(errno));
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) return unreadable(path, errno_text(errno));
  if (!S_ISREG(facts.st_mode)) return unreadable(path, "is no regular file");
  if ((facts.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return fail(Code::hsm_pin_exposed,
                path + ": every user may read or write it (chmod o-rwx, and change the PIN)");
  }
  return read_from(fd.get(), path);
}

Result<Secret> read_credential(const std::string& name) {
  if (name.find('/') != std::string::npos || name == "." || name == "..") {
    return unreadable("credential \"" + name + "\"", "is no name of a credential");
  }
  // Where credentials lie is no secret; what lies there is.
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  if (directory == nullptr || *directory == '\0') {
    return unreadable("credential \"" + name + "\"",
                      "CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential=");
  }
  return read_pin_file(std::string(directory) + "/" + name);
}

}  // namespace

Result<Secret> read_pin(const config::PinSource& source) {
  const int named = (source.file.empty() ? 0 : 1) + (source.credential.empty() ? 0 : 1) +
                    (source.fd.has_value() ? 1 : 0);
  if (named != 1) {
    return fail(Code::hsm_pin_source,
                "exactly one of \"file\", \"credential\" and \"fd\" says where "
                "the PIN is; " +
                    std::to_string(named) + " are given");
  }
  if (!source.file.empty()) return read_pin_file(source.file);
  if (!source.credential.empty()) return read_credential(source.credential);
  return read_from(*source.fd, "descriptor " + std::to_string(*source.fd));
}

}  // namespace mintmark::hsm::pkcs11
