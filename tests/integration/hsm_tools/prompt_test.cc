// PINs at a terminal: nothing of them is seen, and the terminal is left as it was.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <chrono>

#include "base/file.h"
#include "hsm_tools.h"

namespace mintmark::test {
namespace {

/// mintctl with a terminal of its own; this side holds both ends, so that the terminal outlives it.
class AtTerminal {
 public:
  explicit AtTerminal(std::vector<std::string> arguments) {
    int master = -1;
    int slave = -1;
    if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0)
      throw std::runtime_error("no pseudo-terminal");
    master_ = UniqueFd(master);
    slave_ = UniqueFd(slave);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    arguments.insert(arguments.begin(), {MINTCTL, "hsm"});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      login_tty(slave);
      execv(MINTCTL, argv.data());
      _exit(127);
    }
  }
  ~AtTerminal() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  AtTerminal(const AtTerminal&) = delete;
  AtTerminal& operator=(const AtTerminal&) = delete;

  void expect(const std::string& text) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (unread_.find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > give_up)
        throw std::runtime_error("TIMEOUT waiting for \"" + text + "\" in: " + seen_);
      take(100);
    }
    unread_.erase(0, unread_.find(text) + text.size());
  }
  void type(const std::string& text) {
    if (write(master_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("cannot type");
  }
  /// Waits for its end (or its stop, with WUNTRACED); all that it wrote is then in seen().
  int wait(int options = 0) {
    int status = 0;
    if (waitpid(pid_, &status, options) != pid_) throw std::runtime_error("no child");
    if (!WIFSTOPPED(status)) pid_ = -1;
    while (take(0)) {
    }
    return status;
  }
  void send(int signal) const { kill(pid_, signal); }
  [[nodiscard]] bool echoes() const {
    termios settings{};
    if (tcgetattr(slave_.get(), &settings) != 0) throw std::runtime_error("no terminal");
    return (settings.c_lflag & ECHO) != 0;
  }
  [[nodiscard]] const std::string& seen() const { return seen_; }
  [[nodiscard]] bool shows(const std::string& text) const {
    return seen_.find(text) != std::string::npos;
  }

 private:
  bool take(int milliseconds) {
    pollfd readable{master_.get(), POLLIN, 0};
    if (poll(&readable, 1, milliseconds) <= 0) return false;
    std::array<char, 4096> some{};
    const ssize_t count = read(master_.get(), some.data(), some.size());
    if (count <= 0) return false;
    seen_.append(some.data(), static_cast<std::size_t>(count));
    unread_.append(some.data(), static_cast<std::size_t>(count));
    return true;
  }

  UniqueFd master_;
  UniqueFd slave_;
  pid_t pid_ = -1;
  std::string seen_;
  std::string unread_;
};

class HsmPrompt : public HsmTools {
 protected:
  static std::vector<std::string> call(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--module", SoftHsm::module(), "--token", SoftHsm::label()});
    return arguments;
  }
};

TEST_F(HsmPrompt, AsksWithoutEchoAndGivesTheEchoBack) {
  AtTerminal terminal(call({"objects"}));
  terminal.expect("User PIN of the token \"mintmark test\": ");
  EXPECT_FALSE(terminal.echoes());
  terminal.type(SoftHsm::pin() + "\n");
  EXPECT_EQ(terminal.wait(), 0) << terminal.seen();
  EXPECT_FALSE(terminal.shows(SoftHsm::pin())) << terminal.seen();
  EXPECT_TRUE(terminal.shows("token       pkcs11:token=mintmark%20test")) << terminal.seen();
  EXPECT_TRUE(terminal.echoes());
}

TEST_F(HsmPrompt, WrongPinIsOfferedOnceAndNotAskedForAgain) {
  AtTerminal terminal(call({"objects"}));
  terminal.expect("User PIN");
  terminal.type("no-such-pin\n");
  const int status = terminal.wait();
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_TRUE(terminal.shows("hsm_pin_refused")) << terminal.seen();
  EXPECT_FALSE(terminal.shows("no-such-pin")) << terminal.seen();
}

TEST_F(HsmPrompt, NewPinIsAskedForTwice) {
  AtTerminal terminal(call({"pin"}));
  terminal.expect("User PIN of the token \"mintmark test\": ");
  terminal.type(SoftHsm::pin() + "\n");
  terminal.expect("New user PIN of the token \"mintmark test\": ");
  terminal.type("new-user-1\n");
  terminal.expect("New user PIN of the token \"mintmark test\" again: ");
  terminal.type("new-user-1\n");
  EXPECT_EQ(terminal.wait(), 0) << terminal.seen();
  EXPECT_FALSE(terminal.shows("new-user-1")) << terminal.seen();
  EXPECT_NO_THROW(pkcs11_tool({"--list-objects"}, "new-user-1"));
}

TEST_F(HsmPrompt, EntriesThatDifferChangeNothing) {
  AtTerminal terminal(call({"pin"}));
  terminal.expect("User PIN");
  terminal.type(SoftHsm::pin() + "\n");
  terminal.expect("New user PIN");
  terminal.type("new-user-1\n");
  terminal.expect("again: ");
  terminal.type("new-user-2\n");
  EXPECT_EQ(WEXITSTATUS(terminal.wait()), 1);
  EXPECT_TRUE(terminal.shows("pin_entry_failed")) << terminal.seen();
  EXPECT_NO_THROW(pkcs11_tool({"--list-objects"}));
}

TEST_F(HsmPrompt, NothingEnteredIsNotOfferedToTheToken) {
  AtTerminal terminal(call({"objects"}));
  terminal.expect("User PIN");
  terminal.type("\n");
  EXPECT_EQ(WEXITSTATUS(terminal.wait()), 1);
  EXPECT_TRUE(terminal.shows("nothing was entered")) << terminal.seen();
  const Outcome tokens = mintctl({"tokens", "--module", SoftHsm::module()});
  EXPECT_FALSE(tokens.says("tried wrongly")) << tokens.output;
}

TEST_F(HsmPrompt, LongerThanAnyPinIsRefusedWhole) {
  AtTerminal terminal(call({"objects"}));
  terminal.expect("User PIN");
  terminal.type(std::string(300, 'x') + "\n");
  EXPECT_EQ(WEXITSTATUS(terminal.wait()), 1);
  EXPECT_TRUE(terminal.shows("longer than 255")) << terminal.seen();
}

TEST_F(HsmPrompt, InterruptEndsItWithTheEchoBack) {
  AtTerminal terminal(call({"objects"}));
  terminal.expect("User PIN");
  EXPECT_FALSE(terminal.echoes());
  terminal.type("\x03");
  const int status = terminal.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_TRUE(terminal.echoes());
}

TEST_F(HsmPrompt, TerminationEndsItWithTheEchoBack) {
  AtTerminal terminal(call({"objects"}));
  terminal.expect("User PIN");
  terminal.send(SIGTERM);
  const int status = terminal.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  EXPECT_TRUE(terminal.echoes());
}

TEST_F(HsmPrompt, StopGivesTheEchoBackAndAsksAgainAfterwards) {
  AtTerminal terminal(call({"objects"}));
  terminal.expect("User PIN");
  terminal.send(SIGSTOP);  // The group is orphaned: SIGTSTP would be ignored by the kernel.
  (void)terminal.wait(WUNTRACED);
  terminal.send(SIGCONT);
  terminal.send(SIGTSTP);
  terminal.expect("User PIN");
  terminal.type(SoftHsm::pin() + "\n");
  EXPECT_EQ(terminal.wait(), 0) << terminal.seen();
  EXPECT_TRUE(terminal.echoes());
}

}  // namespace
}  // namespace mintmark::test
