#include "programs/mintd/inherited.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

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

Result<void> shut_in() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail(Code::io_failed, "cannot give up core dumps and privileges: " + errno_text(errno));
  }
  return {};
}

}  // namespace mintmark::mintd
