#include "programs/mintctl/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/file.h"
#include "hsm/pkcs11/pin.h"

namespace mintmark::programs {
namespace {

constexpr std::array ends{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array stops{SIGTSTP, SIGTTIN, SIGTTOU};

volatile std::sig_atomic_t caught = 0;
void note(int signal) { caught = signal; }

template <typename Each>
void each_signal(const Each& each) {
  for (const int signal : ends) each(signal);
  for (const int signal : stops) each(signal);
}

/// While it lives the signals are noted, and only where a wait lets them in.
class NotedSignals {
 public:
  NotedSignals() {
    caught = 0;
    sigset_t ours;
    sigemptyset(&ours);
    each_signal([&](int signal) { sigaddset(&ours, signal); });
    sigprocmask(SIG_BLOCK, &ours, &before_);
    open_ = before_;
    std::size_t at = 0;
    each_signal([&](int signal) {
      sigdelset(&open_, signal);
      struct sigaction action {};
      action.sa_handler = &note;
      sigaction(signal, &action, &actions_.at(at++));
    });
  }
  ~NotedSignals() {
    std::size_t at = 0;
    each_signal([&](int signal) { sigaction(signal, &actions_.at(at++), nullptr); });
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  NotedSignals(const NotedSignals&) = delete;
  NotedSignals& operator=(const NotedSignals&) = delete;

  [[nodiscard]] const sigset_t& open() const { return open_; }

 private:
  sigset_t before_{};
  sigset_t open_{};  ///< The mask that lets them in.
  std::array<struct sigaction, ends.size() + stops.size()> actions_{};
};

/// The terminal without echo; as it was afterwards.
class Silence {
 public:
  explicit Silence(int terminal) : terminal_(terminal) {
    if (tcgetattr(terminal, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    silent_ = tcsetattr(terminal, TCSAFLUSH, &silent) == 0;
  }
  ~Silence() {
    if (silent_) (void)tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  explicit operator bool() const { return silent_; }

 private:
  int terminal_;
  termios before_{};
  bool silent_ = false;
};

/// A line on the stack, wiped on every way out.
struct Line {
  std::array<std::uint8_t, hsm::pkcs11::longest_pin + 1> octets{};
  std::size_t size = 0;
  bool ended = false;
  ~Line() { wipe(octets); }

  void take(std::uint8_t octet) {
    if (octet == '\n') {
      ended = true;
    } else if (size < octets.size()) {
      octets.at(size++) = octet;
    }
  }
};

void say(int terminal, const std::string& text) {
  (void)!write(terminal, text.data(), text.size());
}

/// Until the line ends, a signal comes, or the terminal goes.
void read_line(int terminal, const sigset_t& open, Line& line) {
  while (!line.ended && caught == 0) {
    pollfd wanted{terminal, POLLIN, 0};
    if (ppoll(&wanted, 1, nullptr, &open) <= 0) continue;
    std::uint8_t octet = 0;
    const ssize_t count = read(terminal, &octet, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    line.take(octet);
    wipe({&octet, 1});
  }
}

tl::unexpected<Error> failed(const std::string& why) { return fail(Code::pin_entry_failed, why); }

Result<Secret> content_of(const Line& line) {
  if (line.size > hsm::pkcs11::longest_pin)
    return failed("longer than " + std::to_string(hsm::pkcs11::longest_pin) + " octets: no PIN");
  if (!line.ended || line.size == 0) return failed("nothing was entered");
  return Secret(BytesView(line.octets).first(line.size));
}

/// nullopt: a signal came, and is to be obeyed now.
Result<std::optional<Secret>> ask_once(int terminal, const std::string& question) {
  const NotedSignals signals;
  Line line;
  {
    const Silence silence(terminal);
    if (!silence) return failed("the terminal's echo cannot be turned off");
    say(terminal, question);
    read_line(terminal, signals.open(), line);
    say(terminal, "\n");
  }
  if (caught != 0) return std::optional<Secret>{};
  auto content = content_of(line);
  if (!content) return pass_on(content);
  return std::optional<Secret>(std::move(*content));
}

/// Also where it is held back otherwise.
void obey(int signal) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  sigset_t before;
  (void)raise(signal);
  sigprocmask(SIG_UNBLOCK, &one, &before);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

bool is_stop(int signal) {
  for (const int stop : stops) {
    if (signal == stop) return true;
  }
  return false;
}

}  // namespace

Result<Secret> ask_secret(const std::string& question) {
  const UniqueFd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal)
    return failed("there is no terminal to ask at (" + errno_text(errno) +
                  "); name a file that holds the PIN: --pin-file, --so-pin-file, --new-pin-file");
  for (;;) {
    auto answer = ask_once(terminal.get(), question + ": ");
    if (!answer) return pass_on(answer);
    if (*answer) return std::move(**answer);
    const int signal = caught;
    obey(signal);
    if (!is_stop(signal)) return failed("interrupted");
  }
}

Result<Secret> ask_new_secret(const std::string& what) {
  auto first = ask_secret(what);
  if (!first) return first;
  const auto second = ask_secret(what + " again");
  if (!second) return tl::unexpected<Error>(second.error());
  if (!equal_in_constant_time(first->view(), second->view()))
    return failed("the two entries differ; nothing was changed");
  return first;
}

HeldSignals::HeldSignals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP}) sigaddset(&held, signal);
  sigprocmask(SIG_BLOCK, &held, &before_);
}

HeldSignals::~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace mintmark::programs
