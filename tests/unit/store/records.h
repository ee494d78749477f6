// Records to begin with, and children to kill.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "store/store.h"

namespace mintmark::store::test {

inline DeviceRecord device(const std::string& id, const std::string& identity) {
  DeviceRecord record;
  record.id = id;
  record.format = "tpm2";
  record.identity = identity;
  record.jkt = "jkt-of-" + id;
  record.public_jwk = R"({"kty":"EC"})";
  record.facts = R"({"format":"tpm2"})";
  record.labels = "{}";
  record.state = "enrolled";
  record.enrolled_at = from_unix(1'800'000'000);
  record.attested_at = from_unix(1'800'000'000);
  return record;
}

inline const Moment ticket_end = from_unix(1'800'000'060);

inline Admission admission(const DeviceRecord& device, const std::string& ticket,
                           EnrolmentMode mode = EnrolmentMode::open) {
  Admission admission;
  admission.device = device;
  admission.ticket_hash = ticket;
  admission.ticket_expires = ticket_end;
  admission.mode = mode;
  admission.address = "192.0.2.1";
  return admission;
}

/// Where everybody is let in.
inline Result<DeviceRecord> admit(DeviceStore& store, const DeviceRecord& device,
                                  const std::string& ticket, Moment expires) {
  Admission one = admission(device, ticket);
  one.ticket_expires = expires;
  return store.admit(one);
}

/// Runs `body` in a child of fork(); it ends with the body's answer and runs nothing else of the
/// parent.
template <typename Body>
pid_t in_child(Body body) {
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) _exit(body());
  return child;
}

/// The exit status; -1 if a signal ended it.
inline int end_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace mintmark::store::test
