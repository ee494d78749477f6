// A gate at work: its listeners, its figures, what it is told while it runs.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "gate/settings.h"
#include "http/server.h"
#include "programs/mint_gate/gate_figures.h"

namespace mintmark::programs {

/// What of a configuration is read from elsewhere: looked up, and proven to fit.
struct Prepared {
  gate::Settings settings;
  /// One a listener, in their order; null: no TLS.
  std::vector<std::shared_ptr<const http::TlsServerContext>> tls;
  std::vector<gate::Door> doors;  ///< Likewise, with their users.
};
/// Reads the configuration and what it names. `config_unreadable`, `config_invalid`,
/// `tls_certificate_unusable`.
[[nodiscard]] Result<Prepared> prepare(const std::string& file);

/// One thread an io_context: what a connection asks is decided by the thread that it came to, and
/// wakes no other.
using Contexts = std::vector<std::unique_ptr<boost::asio::io_context>>;

/// Ends before its io_contexts.
class GateServer {
 public:
  GateServer(Contexts& contexts, std::string file, Prepared prepared);
  ~GateServer();

  /// Binds and serves. `listen_failed`.
  [[nodiscard]] Result<void> open();
  /// Has the configuration read again, by a thread that decides nothing: services, nonces, log
  /// level and TLS certificates change, and no connection is lost. Where anything is wrong, or
  /// something else changed, all stays as it is, and the log says why.
  void reload();
  /// Answers what is under way, then calls `drained`, once, from one of the threads.
  void stop(const std::function<void()>& drained);

 private:
  struct Listening {
    std::string name;
    gate::Door door;
    std::vector<std::unique_ptr<http::Server>> servers;  ///< One a context.
  };
  /// `present` may be null.
  [[nodiscard]] std::shared_ptr<const gate::Policy> policy_of(
      const gate::Settings& settings, const std::shared_ptr<const gate::Policy>& present) const;
  void read_again();
  [[nodiscard]] Result<void> replace(Prepared prepared);
  [[nodiscard]] Result<void> open_listener(std::size_t index);
  [[nodiscard]] Result<void> open_metrics();
  [[nodiscard]] std::unique_ptr<http::Server> server_of(boost::asio::io_context& io,
                                                        const gate::Door& door);
  void decide(http::Request check, const gate::Door& door, http::Respond respond);
  void decide_when_answered(http::Request check, const gate::Door& door, http::Respond respond);
  [[nodiscard]] VerifierOptions options_of(const gate::Settings& settings) const;
  [[nodiscard]] http::Response readiness() const;

  Contexts& contexts_;
  const std::string file_;
  Prepared in_force_;  // Once it is open, of the thread that reads it again.
  std::shared_ptr<gate::KeptKeys> keys_;
  std::shared_ptr<const Subscription> subscription_;  // Null: nobody tells what was revoked.
  GateFigures figures_;
  gate::Gate gate_;
  std::vector<std::unique_ptr<Listening>> listening_;
  std::unique_ptr<http::Server> metrics_;
  std::size_t connections_ = 4096;  ///< Of one listener and context.
  std::atomic<unsigned> waiting_{0};
  // For the issuer's answer, and for files. One is enough: all wait for the same answer.
  boost::asio::thread_pool waits_{1};
};

}  // namespace mintmark::programs
