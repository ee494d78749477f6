#include "programs/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/file.h"

namespace mintmark::programs {
namespace {

/// Of what is no connection of a listener: files, databases and their journals, channels, event
/// loops, calls that are made outwards, and the connections that are told that there is no room.
constexpr std::size_t beside_connections = 320;
constexpr std::size_t spare = 16;

rlimit present_limit() {
  rlimit limit{};
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit = present_limit();
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(present_limit().rlim_cur);
}

std::size_t connections_within(std::size_t descriptors, std::size_t wanted) {
  // Of very few, half.
  const std::size_t beside = std::min(beside_connections, descriptors / 2);
  return std::max<std::size_t>(std::min(wanted, descriptors - beside), 1);
}

Descriptors look_at_descriptors() {
  std::array<UniqueFd, spare> taken;
  const auto limit = static_cast<std::size_t>(present_limit().rlim_cur);
  for (UniqueFd& one : taken) {
    one = UniqueFd(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!one) return {limit, errno == EMFILE};
  }
  return {limit, false};
}

}  // namespace mintmark::programs
