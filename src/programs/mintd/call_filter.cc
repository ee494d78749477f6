#include "programs/mintd/call_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <memory>
#include <string>

#include "base/file.h"

namespace mintmark::mintd {
namespace {

/// The first error of all rules is kept, and told by load().
class Filter {
 public:
  explicit Filter(std::uint32_t otherwise) : context_(seccomp_init(otherwise), &seccomp_release) {
    if (!context_) {
      error_ = ENOMEM;
      return;
    }
    // Refusals stand in the kernel's log where it can: its log is for people, the filter for all.
    (void)seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_LOG, 1);
  }

  template <typename... Conditions>
  void rule(std::uint32_t action, const char* call, Conditions... conditions) {
    if (error_ != 0) return;
    const int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR) return;  // One that this libseccomp does not know yet.
    const int rc = seccomp_rule_add(context_.get(), action, number,
                                    static_cast<unsigned>(sizeof...(conditions)), conditions...);
    if (rc != 0) error_ = -rc;
  }
  void allow(std::initializer_list<const char*> calls) {
    for (const char* call : calls) rule(SCMP_ACT_ALLOW, call);
  }

  [[nodiscard]] Result<void> load(const char* what) {
    if (error_ == 0) error_ = -seccomp_load(context_.get());
    if (error_ == 0) return {};
    return fail(Code::hsm_sandbox_failed, std::string(what) + ": " + errno_text(error_));
  }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int error_ = 0;
};

using Values = std::initializer_list<scmp_datum_t>;

scmp_arg_cmp argument_is(unsigned index, scmp_datum_t value) {
  return {index, SCMP_CMP_MASKED_EQ, 0xFFFF'FFFFU, value};
}
scmp_arg_cmp argument_is_not(unsigned index, scmp_datum_t value) {
  return {index, SCMP_CMP_NE, value, 0};
}
scmp_arg_cmp argument_has(unsigned index, scmp_datum_t mask, scmp_datum_t value) {
  return {index, SCMP_CMP_MASKED_EQ, mask, value};
}

void allow_files(Filter& filter) {
  filter.allow({"access",   "chmod",     "close",     "close_range", "creat",      "dup",
                "dup2",     "dup3",      "faccessat", "faccessat2",  "fallocate",  "fchmod",
                "fchmodat", "fchmodat2", "fdatasync", "flock",       "fstat",      "fstatfs",
                "fsync",    "ftruncate", "getcwd",    "getdents",    "getdents64", "lseek",
                "lstat",    "mkdir",     "mkdirat",   "newfstatat",  "open",       "openat",
                "pipe",     "pipe2",     "pread64",   "preadv",      "preadv2",    "pwrite64",
                "pwritev",  "pwritev2",  "read",      "readlink",    "readlinkat", "readv",
                "rename",   "renameat",  "renameat2", "rmdir",       "stat",       "statfs",
                "statx",    "truncate",  "umask",     "unlink",      "unlinkat",   "write",
                "writev"});
  // Never F_SETOWN and F_SETSIG, which have the kernel send signals to others.
  for (const scmp_datum_t command :
       Values{F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
              F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GET_SEALS})
    filter.rule(SCMP_ACT_ALLOW, "fcntl", argument_is(1, command));
  // What sockets and terminals are asked; a device's driver is asked nothing.
  for (const scmp_datum_t request : Values{FIONBIO, FIONREAD, FIOCLEX, TCGETS})
    filter.rule(SCMP_ACT_ALLOW, "ioctl", argument_is(1, request));
}

void allow_memory(Filter& filter) {
  filter.allow({"brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mremap", "munlock",
                "munmap"});
  // Never written and run at once.
  for (const char* call : {"mmap", "mprotect"}) {
    filter.rule(SCMP_ACT_ALLOW, call, argument_has(2, PROT_WRITE, 0));
    filter.rule(SCMP_ACT_ALLOW, call, argument_has(2, PROT_EXEC, 0));
  }
}

void allow_threads_and_time(Filter& filter) {
  filter.allow({"clock_getres",
                "clock_gettime",
                "clock_nanosleep",
                "exit",
                "exit_group",
                "futex",
                "futex_time64",
                "futex_waitv",
                "get_robust_list",
                "getcpu",
                "getrusage",
                "gettid",
                "gettimeofday",
                "nanosleep",
                "restart_syscall",
                "rseq",
                "rt_sigaction",
                "rt_sigpending",
                "rt_sigprocmask",
                "rt_sigreturn",
                "rt_sigsuspend",
                "rt_sigtimedwait",
                "sched_getaffinity",
                "sched_getparam",
                "sched_getscheduler",
                "sched_yield",
                "set_robust_list",
                "set_tid_address",
                "sigaltstack",
                "time",
                "times"});
  // Threads, and no processes. clone3 hides its flags from us: the C library then takes clone.
  filter.rule(SCMP_ACT_ALLOW, "clone", argument_has(0, CLONE_THREAD, CLONE_THREAD));
  filter.rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  // abort() and raise(): at itself alone.
  filter.rule(SCMP_ACT_ALLOW, "tgkill", argument_is(0, static_cast<scmp_datum_t>(getpid())));
  for (const scmp_datum_t option : Values{PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE})
    filter.rule(SCMP_ACT_ALLOW, "prctl", argument_is(0, option));
}

void allow_questions(Filter& filter) {
  filter.allow({"getegid", "geteuid", "getgid", "getgroups", "getpgrp", "getpid", "getppid",
                "getrandom", "getresgid", "getresuid", "getrlimit", "getuid", "sysinfo", "uname"});
  filter.rule(SCMP_ACT_ALLOW, "prlimit64", argument_has(2, ~scmp_datum_t{0}, 0));  // Sets nothing.
}

/// As on a machine that has no other network.
void refuse_other_sockets(Filter& filter) {
  for (const char* call : {"socket", "socketpair"})
    filter.rule(SCMP_ACT_ERRNO(EAFNOSUPPORT), call, argument_is_not(0, AF_UNIX));
}

void allow_sockets(Filter& filter, bool network) {
  filter.allow(
      {"connect",    "epoll_create1", "epoll_ctl",      "epoll_pwait",     "epoll_pwait2",
       "epoll_wait", "eventfd2",      "getpeername",    "getsockname",     "getsockopt",
       "poll",       "ppoll",         "pselect6",       "recvfrom",        "recvmmsg",
       "recvmsg",    "select",        "sendmmsg",       "sendmsg",         "sendto",
       "setsockopt", "shutdown",      "timerfd_create", "timerfd_gettime", "timerfd_settime"});
  if (network) return filter.allow({"bind", "socket", "socketpair"});
  filter.rule(SCMP_ACT_ALLOW, "socket", argument_is(0, AF_UNIX));
  filter.rule(SCMP_ACT_ALLOW, "socketpair", argument_is(0, AF_UNIX));
  refuse_other_sockets(filter);
}

}  // namespace

Result<void> refuse_network() {
  Filter filter(SCMP_ACT_ALLOW);
  refuse_other_sockets(filter);
  for (const char* call : {"io_uring_setup", "io_uring_enter", "io_uring_register"})
    filter.rule(SCMP_ACT_ERRNO(ENOSYS), call);
  return filter.load("the filter of sockets");
}

Result<void> allow_known_calls(bool network) {
  Filter filter(SCMP_ACT_ERRNO(EPERM));
  allow_files(filter);
  allow_memory(filter);
  allow_threads_and_time(filter);
  allow_questions(filter);
  allow_sockets(filter, network);
  return filter.load("the filter of system calls");
}

}  // namespace mintmark::mintd
