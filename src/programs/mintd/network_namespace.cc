#include "programs/mintd/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "programs/user.h"

namespace mintmark::mintd {
namespace {

tl::unexpected<Error> not_left(const std::string& what, int error) {
  return fail(Code::hsm_sandbox_failed, what + ": " + errno_text(error));
}

Result<void> write_map(const char* file, const std::string& content) {
  const UniqueFd fd(open(file, O_WRONLY | O_CLOEXEC));
  if (!fd || write(fd.get(), content.data(), content.size()) < 0) return not_left(file, errno);
  return {};
}

/// This user and group are in the new namespace who they were (user_namespaces(7)): modules ask for
/// their own, and D-Bus compares.
Result<void> be_who_we_were(uid_t user, gid_t group) {
  const auto alone = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
  if (auto written = write_map("/proc/self/setgroups", "deny"); !written) return written;
  if (auto written = write_map("/proc/self/uid_map", alone(user)); !written) return written;
  return write_map("/proc/self/gid_map", alone(group));
}

Result<void> leave_by_user_namespace() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (access("/proc/self/uid_map", F_OK) != 0) return not_left("/proc/self/uid_map", errno);
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
    return not_left("unshare of user and network", errno);
  // The maps of a process that cannot be dumped are root's. There is no secret here yet.
  prctl(PR_SET_DUMPABLE, 1);
  auto left = be_who_we_were(user, group);
  if (prctl(PR_SET_DUMPABLE, 0) != 0 && left) left = not_left("PR_SET_DUMPABLE", errno);
  // A process that makes a user namespace has all capabilities inside it.
  if (const int kept = programs::give_up_capabilities(); kept != 0 && left)
    return not_left("capset", kept);
  return left;
}

}  // namespace

std::string network_namespace() {
  struct stat facts {};
  return stat("/proc/self/ns/net", &facts) == 0 ? std::to_string(facts.st_ino) : "";
}

Result<void> leave_network(const std::string& shared) {
  if (!shared.empty() && network_namespace() != shared) return {};
  if (unshare(CLONE_NEWNET) == 0) return {};
  // root without this privilege is still root over files, and would lose that inside.
  if (errno != EPERM || geteuid() == 0) return not_left("unshare of the network", errno);
  return leave_by_user_namespace();
}

}  // namespace mintmark::mintd
