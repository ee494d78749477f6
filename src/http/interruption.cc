#include "http/interruption.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <stdexcept>

namespace mintmark::http {

Interruption::Interruption() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // As where a thread cannot be made: without descriptors nothing of a client would work.
  if (!event_) throw std::runtime_error("eventfd: " + errno_text(errno));
}

void Interruption::raise() const {
  // It fails only where it was raised 2^64 times.
  (void)eventfd_write(event_.get(), 1);
}

bool Interruption::raised() const {
  pollfd watched{event_.get(), POLLIN, 0};
  return poll(&watched, 1, 0) == 1;
}

}  // namespace mintmark::http
