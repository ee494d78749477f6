// A gate at work: its listeners, its figures, what it is told while it runs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

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

/// Ends before its io_context.
class GateServer {
 public:
  GateServer(boost::asio::io_context& io, std::string file, Prepared prepared);

  /// Binds and serves. `listen_failed`.
  [[nodiscard]] Result<void> open();
  /// Reads the configuration again: services, nonces, log level and TLS certificates change, and no
  /// connection is lost. Where anything is wrong, or something else changed, all stays as it is,
  /// and the log says why.
  void reload();
  /// Answers what is under way, then calls `drained`, once.
  void stop(const std::function<void()>& drained);

 private:
  struct Listening {
    std::string name;
    gate::Door door;
    std::unique_ptr<http::Server> server;
  };
  /// `present` may be null.
  [[nodiscard]] std::shared_ptr<const gate::Policy> policy_of(
      const gate::Settings& settings, const std::shared_ptr<const gate::Policy>& present) const;
  [[nodiscard]] Result<void> replace(Prepared prepared);
  [[nodiscard]] Result<void> open_listener(std::size_t index);
  [[nodiscard]] Result<void> open_metrics();
  [[nodiscard]] http::Response readiness() const;

  boost::asio::io_context& io_;
  const std::string file_;
  Prepared in_force_;
  std::shared_ptr<gate::KeptKeys> keys_;
  GateFigures figures_;
  gate::Gate gate_;
  std::vector<std::unique_ptr<Listening>> listening_;
  std::unique_ptr<http::Server> metrics_;
};

}  // namespace mintmark::programs
