#include "programs/mintd/child.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "programs/out_of_memory.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

constexpr int first_descriptor = 3;
constexpr std::chrono::milliseconds shortest_delay{100};
constexpr std::chrono::seconds settled{30};

// All that the child needs between fork and exec, made before: nothing may be allocated there.
struct Prepared {
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::vector<int> moved;
  int program = -1;  // Close-on-exec.
};

Prepared prepare(const ChildSpec& spec) {
  Prepared ready;
  ready.argv.push_back(const_cast<char*>(spec.program.c_str()));
  for (const std::string& argument : spec.arguments)
    ready.argv.push_back(const_cast<char*>(argument.c_str()));
  ready.argv.push_back(nullptr);
  for (const std::string& variable : spec.environment)
    ready.envp.push_back(const_cast<char*>(variable.c_str()));
  ready.envp.push_back(nullptr);
  ready.moved.resize(spec.descriptors.size());
  return ready;
}

void close_others(int from, int keep) {
  if (keep > from) close_range(static_cast<unsigned>(from), static_cast<unsigned>(keep - 1), 0);
  close_range(static_cast<unsigned>(keep + 1), ~0U, 0);
}

// In the child, after fork: only calls that are safe there. Returns errno of what failed.
int become(const ChildSpec& spec, Prepared& ready, int report) {
  const int above = first_descriptor + static_cast<int>(spec.descriptors.size()) + 1;
  for (std::size_t i = 0; i < spec.descriptors.size(); ++i) {
    ready.moved[i] = fcntl(spec.descriptors[i], F_DUPFD_CLOEXEC, above);
    if (ready.moved[i] < 0) return errno;
  }
  const int report_at = above - 1;
  const int kept_report = fcntl(report, F_DUPFD_CLOEXEC, above);
  if (kept_report < 0) return errno;
  for (std::size_t i = 0; i < spec.descriptors.size(); ++i) {
    if (dup2(ready.moved[i], first_descriptor + static_cast<int>(i)) < 0) return errno;
  }
  if (dup3(kept_report, report_at, O_CLOEXEC) < 0) return errno;
  // The program's own descriptor and the report are close-on-exec; all else that is open ends here.
  ready.program = fcntl(ready.program, F_DUPFD_CLOEXEC, above);
  if (ready.program < 0) return errno;
  close_others(above, ready.program);

  const int null = open("/dev/null", O_RDWR);
  if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0) return errno;
  if (null > 2) close(null);

  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  if (spec.own_network) (void)unshare(CLONE_NEWNET);  // While we are root, if we are.
  if (spec.user) {
    if (setgroups(0, nullptr) != 0 ||
        setresgid(spec.user->group, spec.user->group, spec.user->group) != 0 ||
        setresuid(spec.user->user, spec.user->user, spec.user->user) != 0) {
      return errno;
    }
  }
  if (const int kept = programs::give_up_capabilities(); kept != 0) return kept;
  // By descriptor: the program may stand where this user cannot walk to.
  execveat(ready.program, "", ready.argv.data(), ready.envp.data(), AT_EMPTY_PATH);
  return errno;
}

}  // namespace

Result<Child> spawn(const ChildSpec& spec) {
  std::array<int, 2> report{};
  if (pipe2(report.data(), O_CLOEXEC) != 0)
    return fail(Code::io_failed, "pipe: " + errno_text(errno));
  UniqueFd reading(report[0]);
  UniqueFd writing(report[1]);
  Prepared ready = prepare(spec);
  const UniqueFd program(open(spec.program.c_str(), O_PATH | O_CLOEXEC));
  if (!program)
    return fail(Code::io_failed, "cannot start " + spec.program + ": " + errno_text(errno));
  ready.program = program.get();

  const pid_t pid = fork();
  if (pid < 0) return fail(Code::io_failed, "fork: " + errno_text(errno));
  if (pid == 0) {
    const int failed = become(spec, ready, writing.get());
    // After become() the report may stand at its new number; write to both, one of them is open.
    const int report_at = first_descriptor + static_cast<int>(spec.descriptors.size());
    if (write(report_at, &failed, sizeof failed) < 0)
      (void)!write(writing.get(), &failed, sizeof failed);
    _exit(127);
  }
  writing = UniqueFd();
  int failed = 0;
  ssize_t got = 0;
  do {
    got = read(reading.get(), &failed, sizeof failed);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    waitpid(pid, nullptr, 0);
    return fail(Code::io_failed, "cannot start " + spec.program + ": " + errno_text(failed));
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return fail(Code::io_failed, "pidfd_open: " + errno_text(errno));
  fcntl(pidfd, F_SETFD, FD_CLOEXEC);
  return Child{pid, UniqueFd(pidfd)};
}

std::string describe_exit(int wait_status) {
  if (WIFEXITED(wait_status)) return "exit status " + std::to_string(WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status)) return "killed by signal " + std::to_string(WTERMSIG(wait_status));
  return "ended";
}

Supervised::Supervised(boost::asio::io_context& io, std::string name, Start start, Ended ended,
                       std::chrono::milliseconds longest_delay)
    : io_(io),
      timer_(io),
      name_(std::move(name)),
      start_(std::move(start)),
      ended_(std::move(ended)),
      longest_delay_(longest_delay) {}

void Supervised::start() {
  auto child = start_();
  if (!child) {
    telemetry::log(telemetry::Level::error, "child_start_failed", child.error(),
                   {{"child", name_}});
    ++starts_failed_;
    ++failed_in_a_row_;
    start_later();
    return;
  }
  if (const unsigned failed = std::exchange(failed_in_a_row_, 0); failed > 0)
    telemetry::log(telemetry::Level::info, "child_start_failed_over",
                   {{"child", name_}, {"failed", std::to_string(failed)}});
  pid_ = child->pid;
  started_at_ = std::chrono::steady_clock::now();
  telemetry::log(telemetry::Level::info, "child_started",
                 {{"child", name_}, {"pid", std::to_string(pid_)}});
  ended_signal_.emplace(io_, child->pidfd.release());
  wait_for_end();
}

void Supervised::wait_for_end() {
  ended_signal_->async_wait(
      boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
        if (error) return;
        int status = 0;
        waitpid(pid_, &status, 0);
        ended_signal_.reset();
        pid_ = -1;
        if (WIFEXITED(status) && WEXITSTATUS(status) == programs::exit_out_of_memory)
          ++ends_for_memory_;
        telemetry::log(ending_ ? telemetry::Level::info : telemetry::Level::error, "child_ended",
                       {{"child", name_}, {"how", describe_exit(status)}});
        const bool again = ended_(status);
        if (again && !ending_) start_later();
      });
}

void Supervised::start_later() {
  if (std::chrono::steady_clock::now() - started_at_ > settled) delay_ = shortest_delay;
  timer_.expires_after(delay_);
  delay_ = std::min(delay_ * 2, longest_delay_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || ending_) return;
    ++restarts_;
    start();
  });
}

void Supervised::kill_now() {
  if (pid_ > 0) kill(pid_, SIGKILL);
}

Result<UniqueFd> sealed_file(const char* name, std::string_view content) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail(Code::io_failed, "memfd_create: " + errno_text(errno));
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = write(fd.get(), content.data() + written, content.size() - written);
    if (count < 0) return fail(Code::io_failed, "memfd: " + errno_text(errno));
    written += static_cast<std::size_t>(count);
  }
  if (lseek(fd.get(), 0, SEEK_SET) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail(Code::io_failed, "memfd: " + errno_text(errno));
  }
  return fd;
}

}  // namespace mintmark::mintd
