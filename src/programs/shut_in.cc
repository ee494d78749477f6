#include "programs/shut_in.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

#include "base/file.h"

namespace mintmark::programs {

Result<void> shut_in() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail(Code::io_failed, "cannot give up core dumps and privileges: " + errno_text(errno));
  }
  return {};
}

}  // namespace mintmark::programs
