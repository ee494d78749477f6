// Starts our own processes by exec, as other users where we may, with exactly the descriptors they
// are meant to have.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.h"
#include "base/file.h"
#include "programs/user.h"

namespace mintmark::mintd {

using programs::user_named;
using programs::UserIds;

struct ChildSpec {
  std::string program;                 ///< Absolute path.
  std::vector<std::string> arguments;  ///< Without argv[0].
  std::vector<int> descriptors;  ///< Become 3, 4, 5, … in the child; all others are closed there.
  std::vector<std::string> environment;
  std::optional<UserIds> user;  ///< With all supplementary groups dropped.
  /// In a network namespace of its own, where the kernel lets us; the program looks
  /// (network_namespace.h).
  bool own_network = false;
};

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;  ///< Readable when the child has ended.
};

/// Gives the running child; an exec that failed is an error here, not an exit status later.
[[nodiscard]] Result<Child> spawn(const ChildSpec& spec);

/// How a child ended, for people: "exit status 3", "killed by signal 9".
[[nodiscard]] std::string describe_exit(int wait_status);

/// Keeps one child running: started again after it ends, with a delay that doubles from 100 ms to
/// `longest_delay` and is forgotten after 30 s of life. Lives on one io_context thread.
class Supervised {
 public:
  /// Makes what the child needs (channels, descriptors) and spawns it.
  using Start = std::function<Result<Child>()>;
  /// Told of each end; false: do not start again by yourself.
  using Ended = std::function<bool(int wait_status)>;

  Supervised(boost::asio::io_context& io, std::string name, Start start, Ended ended,
             std::chrono::milliseconds longest_delay = std::chrono::seconds(10));

  void start();
  /// No more starts; the running child is left to end by itself (its channel is closed by the
  /// owner).
  void let_end() {
    ending_ = true;
    timer_.cancel();
  }
  void kill_now();

  [[nodiscard]] bool running() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] unsigned restarts() const { return restarts_; }
  /// How often it could not be started, for want of a descriptor or of memory.
  [[nodiscard]] unsigned starts_failed() const { return starts_failed_; }
  /// How often it ended for want of memory, and said so.
  [[nodiscard]] unsigned ends_for_memory() const { return ends_for_memory_; }

 private:
  void wait_for_end();
  void start_later();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  std::optional<boost::asio::posix::stream_descriptor> ended_signal_;
  std::string name_;
  Start start_;
  Ended ended_;
  pid_t pid_ = -1;
  bool ending_ = false;
  unsigned restarts_ = 0;
  unsigned starts_failed_ = 0;
  unsigned failed_in_a_row_ = 0;
  unsigned ends_for_memory_ = 0;
  const std::chrono::milliseconds longest_delay_;
  std::chrono::milliseconds delay_{100};
  std::chrono::steady_clock::time_point started_at_;
};

/// The text in an anonymous file, readable from its start by whoever gets the descriptor, writable
/// by nobody.
[[nodiscard]] Result<UniqueFd> sealed_file(const char* name, std::string_view content);

}  // namespace mintmark::mintd
