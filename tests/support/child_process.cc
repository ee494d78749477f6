#include "support/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/temporary_directory.h"

namespace mintmark::test {
namespace {

std::vector<std::string> merged_environment(const Environment& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (added.count(text.substr(0, text.find('='))) == 0) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "") + ":/usr/sbin:/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + name;
    if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw std::runtime_error(name + " is not installed; this test needs it (provisioning/deps)");
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, std::filesystem::path log,
                           const Environment& environment)
    : name_(arguments.front()), log_(std::move(log)) {
  const std::string program = find_program(name_);
  std::vector<std::string> texts = arguments;
  std::vector<std::string> settings = merged_environment(environment);
  const std::vector<char*> argv = pointers_to(texts);
  const std::vector<char*> envp = pointers_to(settings);
  const int output = open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // The kernel ends it when the thread that forked dies: a test that crashes leaves no daemon
    // behind.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(126);
    dup2(nothing, 0);
    dup2(output, 1);
    dup2(output, 2);
    execve(program.c_str(), argv.data(), envp.data());
    _exit(127);
  }
  close(output);
  close(nothing);
  if (pid_ < 0) throw std::runtime_error("cannot fork for " + name_);
}

ChildProcess::~ChildProcess() { end(); }

bool ChildProcess::running() {
  if (pid_ < 0) return false;
  if (waitpid(pid_, &status_, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

std::string ChildProcess::output() const {
  std::ifstream file(log_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void ChildProcess::end() {
  if (!running()) return;
  kill(pid_, SIGTERM);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  while (running() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  if (!running()) return;
  kill(pid_, SIGKILL);
  (void)wait();
}

int ChildProcess::wait() {
  if (pid_ >= 0) {
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

std::string run(const std::vector<std::string>& arguments, const Environment& environment) {
  const TemporaryDirectory directory;
  ChildProcess child(arguments, directory.path() / "output", environment);
  const int status = child.wait();
  if (status != 0) {
    throw std::runtime_error(arguments.front() + " ended with " + std::to_string(status) + ": " +
                             child.output());
  }
  return child.output();
}

void wait_until(const std::string& what, ChildProcess& child,
                const std::function<bool()>& condition, std::chrono::seconds longest) {
  const auto give_up = std::chrono::steady_clock::now() + longest;
  while (!condition()) {
    if (!child.running()) {
      throw std::runtime_error("ended while waiting for " + what + ": " + child.output());
    }
    if (std::chrono::steady_clock::now() > give_up) {
      throw std::runtime_error("TIMEOUT waiting for " + what + ": " + child.output());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

}  // namespace mintmark::test
