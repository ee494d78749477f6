#include "programs/mintctl/dry_run.h"

#include <cstdint>
#include <cstdio>

namespace mintmark::programs {

bool print_would_revoke(const Json& answer) {
  if (!answer.value("dry_run", false)) return false;
  const auto live = answer.value("live", std::uint64_t{0});
  std::printf("would revoke %llu live %s\n", static_cast<unsigned long long>(live),
              live == 1 ? "token" : "tokens");
  return true;
}

}  // namespace mintmark::programs
