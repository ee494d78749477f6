#include "programs/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace mintmark::programs {
namespace {

/// Of what is no connection of a listener: files, databases and their journals, channels, event
/// loops, calls that are made outwards, and the connections that are told that there is no room.
constexpr std::size_t beside_connections = 320;

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlimit raised = limit;
  raised.rlim_cur = raised.rlim_max;
  if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t connections_within(std::size_t descriptors, std::size_t wanted) {
  // Of very few, half.
  const std::size_t beside = std::min(beside_connections, descriptors / 2);
  return std::max<std::size_t>(std::min(wanted, descriptors - beside), 1);
}

}  // namespace mintmark::programs
