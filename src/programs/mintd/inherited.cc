#include "programs/mintd/inherited.h"

#include <fcntl.h>

#include <cerrno>
#include <charconv>

namespace mintmark::mintd {

Result<UniqueFd> inherited(const std::string& option, const std::string& number) {
  int fd = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), fd);
  if (error != std::errc{} || end != number.data() + number.size() || fd < 3 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return fail(Code::invalid_argument,
                option + " " + number +
                    " names no open descriptor; this program is started by mintd, not by hand");
  }
  return UniqueFd(fd);
}

}  // namespace mintmark::mintd
