#include "host.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "attempts.h"
#include "base/file.h"

namespace mintmark::test::compromised {
namespace {

/// `worked`: the call gave what it was asked for. Only a refusal by who asks counts as one.
void tell_call(const std::string& tried, bool worked) {
  const int error = errno;
  const bool forbidden = error == EACCES || error == EPERM;
  tell("host", tried, !worked && forbidden, worked ? "it worked" : errno_text(error));
}

void try_open(const std::string& path, int flags, const char* how) {
  const UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600));
  tell_call(std::string(how) + " " + path, static_cast<bool>(fd));
}

void try_connect(const std::string& path) {
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  tell_call("connect to " + path,
            connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

void try_files(const std::string& stack) {
  for (const char* secret : {"/hsm/pin", "/tls/server.key", "/tls/ca.key", "/state/keeper/keys.db",
                             "/state/keeper/lease", "/agent/identity.json"})
    try_open(stack + secret, O_RDONLY, "read");
  for (const char* directory : {"/hsm/tokens", "/state/keeper", "/state", "/tpm"})
    try_open(stack + directory, O_RDONLY | O_DIRECTORY, "list");
  for (const char* kept : {"/hsm/pin", "/state/keeper/keys.db", "/mintd.json", "/policy.json",
                           "/tls/server.pem", "/ek-roots/swtpm-localca-rootca-cert.pem"})
    try_open(stack + kept, O_WRONLY, "write");
  for (const char* made : {"/hsm/made", "/hsm/tokens/made", "/state/keeper/made", "/state/made",
                           "/ek-roots/made.pem", "/made"})
    try_open(stack + made, O_WRONLY | O_CREAT, "create");
  tell_call("put another directory in the place of its own",
            rename((stack + "/state/front").c_str(), (stack + "/state/other").c_str()) == 0);
  try_connect(stack + "/admin.sock");
}

void try_memory_of(const std::string& who, int pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  try_open(proc + "/mem", O_RDWR, ("write " + who + ":").c_str());
  for (const char* file : {"/mem", "/maps", "/environ", "/auxv", "/pagemap", "/stack"})
    try_open(proc + file, O_RDONLY, ("read " + who + ":").c_str());
  try_open(proc + "/fd", O_RDONLY | O_DIRECTORY, ("list " + who + ":").c_str());
  std::array<char, 8> taken{};
  iovec here{taken.data(), taken.size()};
  iovec there{taken.data(), taken.size()};
  tell_call("copy memory of " + who, process_vm_readv(pid, &here, 1, &there, 1, 0) > 0);
  const bool traced = ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0;
  tell_call("trace " + who, traced);
  if (traced) ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const UniqueFd stolen(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), 3, 0)));
  tell_call("take a descriptor of " + who, static_cast<bool>(stolen));
}

void try_to_disturb(const std::string& who, int pid) {
  for (const int signal : {SIGSTOP, SIGTERM, SIGHUP, SIGKILL})
    tell_call("signal " + std::to_string(signal) + " to " + who, kill(pid, signal) == 0);
  const rlimit none{0, 0};
  tell_call("take " + who + " its memory", prlimit(pid, RLIMIT_AS, &none, nullptr) == 0);
  tell_call("slow " + who + " down", setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 19) == 0);
}

uid_t owner_of(int pid) {
  // In /proc what cannot be dumped belongs to root; its status says whose it is.
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("Uid:", 0) == 0) return static_cast<uid_t>(std::stoul(line.substr(4)));
  }
  return 0;
}

void try_to_become_another(int signer) {
  tell_call("become root", setresuid(0, 0, 0) == 0);
  const uid_t its_user = owner_of(signer);
  tell_call("become the signer's user", setresuid(its_user, its_user, its_user) == 0);
  const gid_t root = 0;
  tell_call("join root's group", setgroups(1, &root) == 0);
  tell_call("leave the root directory", chroot("/") == 0);
  const bool regained =
      prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
  tell("host", "gain privileges by set-user-ID programs again", !regained,
       regained ? "it worked" : "no_new_privs stays set");
}

void try_to_change_what_was_handed_over(const std::vector<int>& handed) {
  for (const int fd : handed) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    std::error_code error;
    if (std::filesystem::read_symlink(link, error).string().rfind("/memfd:", 0) != 0) continue;
    const UniqueFd again(open(link.c_str(), O_RDWR | O_CLOEXEC));
    const bool written = pwrite(again ? again.get() : fd, "x", 1, 0) == 1;
    tell_call("change the sealed file " + std::to_string(fd), written);
  }
}

int parent_of(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const std::size_t end = text.rfind(')');
  // "PID (name) state ppid"
  return end == std::string::npos ? 0 : std::stoi(text.substr(end + 4));
}

}  // namespace

int signer_pid() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); }))
      continue;
    const int pid = std::stoi(name);
    if (pid != getpid() && parent_of(pid) == getppid()) return pid;
  }
  return 0;
}

void look_for_other_descriptors(const std::vector<int>& handed) {
  const std::string listing = "/proc/" + std::to_string(getpid()) + "/fd";
  std::string others;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename().string());
    std::error_code error;
    const std::string what = std::filesystem::read_symlink(entry.path(), error).string();
    const bool own = fd <= STDERR_FILENO || what == listing || what.rfind("anon_inode:", 0) == 0;
    if (!own && std::find(handed.begin(), handed.end(), fd) == handed.end())
      others += " " + std::to_string(fd) + "=" + what;
  }
  tell("host", "find a descriptor that was not handed over", others.empty(),
       others.empty() ? "there is none" : others);
}

void try_the_host(const std::string& stack, const std::vector<int>& descriptors) {
  try_to_change_what_was_handed_over(descriptors);
  const int keeper = getppid();
  // One user for all: then the kernel keeps nothing apart, and the attempts would work.
  if (owner_of(keeper) == getuid()) return;
  try_files(stack);
  const int signer = signer_pid();
  // To kill(2) and its like 0 is whoever asks: what failed would look refused.
  if (signer == 0) return tell("host", "find the signer", false, "it is not there to be tried");
  for (const auto& [who, pid] :
       {std::pair{"the signer", signer}, std::pair{"the keeper", keeper}}) {
    try_memory_of(who, pid);
    try_to_disturb(who, pid);
  }
  try_to_become_another(signer);
}

}  // namespace mintmark::test::compromised
