// What a process shuts itself in by cannot be taken back: each test is a process that ends with 0
// if it found what it should.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/file.h"
#include "programs/mintd/call_filter.h"
#include "programs/mintd/network_namespace.h"

namespace mintmark::mintd {
namespace {

/// Not 65534: so the kernel calls those whom a namespace does not know.
constexpr uid_t somebody = 54321;

#define EXPECT_IN_A_PROCESS(found) \
  EXPECT_EXIT(_exit((found) ? 0 : 1), ::testing::ExitedWithCode(0), "")

bool become_somebody() {
  return geteuid() != 0 || (setresgid(somebody, somebody, somebody) == 0 &&
                            setresuid(somebody, somebody, somebody) == 0);
}

bool has_no_capabilities() {
  const auto status = read_file("/proc/self/status");
  return status && status->find("CapEff:\t0000000000000000") != std::string::npos &&
         status->find("CapPrm:\t0000000000000000") != std::string::npos;
}

/// As the kernel lets it: with a namespace that is another one, or with none and the reason.
bool somebody_leaves_as_himself() {
  if (!become_somebody() || prctl(PR_SET_DUMPABLE, 0) != 0) return false;
  const uid_t user = geteuid();
  const std::string before = network_namespace();
  const auto left = leave_network(before);
  if (!left) {
    return left.error().code == Code::hsm_sandbox_failed && network_namespace() == before;
  }
  return network_namespace() != before && geteuid() == user && getuid() == user &&
         has_no_capabilities() && prctl(PR_GET_DUMPABLE) == 0;
}

TEST(NetworkNamespace, IsLeftByAnOrdinaryUserWhoStaysHimselfAndMayNothingMore) {
  EXPECT_IN_A_PROCESS(somebody_leaves_as_himself());
}

/// The user who made a user namespace may all inside it; not what this process's memory is.
bool is_closed_to_its_own_user() {
  if (!become_somebody()) return false;
  std::array<int, 2> ready{};
  if (pipe2(ready.data(), O_CLOEXEC) != 0) return false;
  const pid_t child = fork();
  if (child == 0) {
    const bool shut = prctl(PR_SET_DUMPABLE, 0) == 0;
    (void)leave_network(network_namespace());
    (void)!write(ready.at(1), &shut, sizeof shut);
    pause();
  }
  bool shut = false;
  const bool told = read(ready.at(0), &shut, sizeof shut) == sizeof shut;
  const std::string memory = "/proc/" + std::to_string(child) + "/mem";
  const bool closed = open(memory.c_str(), O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return told && shut && closed;
}

TEST(NetworkNamespace, OpensTheProcessToNobody) {
  EXPECT_IN_A_PROCESS(is_closed_to_its_own_user());
}

bool leaves_once() {
  const std::string shared = network_namespace();
  if (!leave_network(shared)) return geteuid() != 0;  // Nothing to be left.
  const std::string own = network_namespace();
  return own != shared && leave_network(shared) && network_namespace() == own;
}

TEST(NetworkNamespace, ThatIsItsOwnAlreadyIsNotLeft) { EXPECT_IN_A_PROCESS(leaves_once()); }

bool only_unix_sockets_are_left() {
  if (!refuse_network()) return false;
  const bool no_tcp = socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT;
  const bool no_netlink = socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT;
  const bool no_ring = syscall(SYS_io_uring_setup, 1, nullptr) < 0 && errno == ENOSYS;
  return no_tcp && no_netlink && no_ring && socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

TEST(CallFilter, RefusesSocketsButThoseOfTheFilesystem) {
  EXPECT_IN_A_PROCESS(only_unix_sockets_are_left());
}

bool a_filter_cannot_be_had() {
  if (!allow_known_calls(false)) return false;
  const auto second = refuse_network();  // seccomp(2) is none of the known calls.
  return !second && second.error().code == Code::hsm_sandbox_failed &&
         second.error().detail.find("the filter of sockets: ") == 0;
}

TEST(CallFilter, ThatCannotBeHadIsAnError) { EXPECT_IN_A_PROCESS(a_filter_cannot_be_had()); }

bool never_both_written_and_run() {
  if (!allow_known_calls(true)) return false;
  const auto map = [](int protection) {
    return mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  };
  void* pages = map(PROT_READ | PROT_WRITE);
  if (pages == MAP_FAILED || map(PROT_READ | PROT_EXEC) == MAP_FAILED) return false;
  return map(PROT_WRITE | PROT_EXEC) == MAP_FAILED && errno == EPERM &&
         mprotect(pages, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 && errno == EPERM;
}

TEST(CallFilter, LetsNoMemoryBeWrittenAndRunAtOnce) {
  EXPECT_IN_A_PROCESS(never_both_written_and_run());
}

bool limits_and_devices_stay_as_they_are() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || !allow_known_calls(true)) return false;
  const bool asked = getrlimit(RLIMIT_NOFILE, &limit) == 0;
  const bool not_set = setrlimit(RLIMIT_NOFILE, &limit) != 0 && errno == EPERM;
  const char key = 'x';
  return asked && not_set && ioctl(0, TIOCSTI, &key) != 0 && errno == EPERM;
}

TEST(CallFilter, LetsNeitherLimitsNorDevicesBeChanged) {
  EXPECT_IN_A_PROCESS(limits_and_devices_stay_as_they_are());
}

bool cannot_be_dumped_again() {
  prctl(PR_SET_DUMPABLE, 0);
  if (!allow_known_calls(true)) return false;
  return prctl(PR_SET_DUMPABLE, 1) != 0 && errno == EPERM && prctl(PR_GET_DUMPABLE) == 0;
}

TEST(CallFilter, GivesNoLeaveToBeDumped) { EXPECT_IN_A_PROCESS(cannot_be_dumped_again()); }

bool signals_reach_itself_alone() {
  if (!allow_known_calls(true)) return false;
  const auto tgkill = [](pid_t process, pid_t thread) {
    return syscall(SYS_tgkill, process, thread, 0) == 0;  // Whether it might.
  };
  return tgkill(getpid(), getpid()) && !tgkill(getppid(), getppid()) && errno == EPERM;
}

TEST(CallFilter, LetsASignerSignalItselfAlone) {
  EXPECT_IN_A_PROCESS(signals_reach_itself_alone());
}

}  // namespace
}  // namespace mintmark::mintd
