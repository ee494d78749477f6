#include "attempts.h"

#include <unistd.h>

namespace mintmark::test::compromised {

void tell(const std::string& kind, const std::string& tried, bool refused,
          const std::string& came_of) {
  const Json line = {{"event", "attempt"},
                     {"kind", kind},
                     {"tried", tried},
                     {"refused", refused},
                     {"came_of", came_of}};
  // One write a line: others log to the same file.
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) _exit(1);
}

}  // namespace mintmark::test::compromised
