// The agent beside local programs: one socket, one owner of the device key, one asker of the
// issuer.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "agent/serve/hardware.h"
#include "agent/serve/local_api.h"
#include "http/server.h"

namespace mintmark::agent::serve {

/// Runs on an io_context with one thread; everything that waits, waits elsewhere. Nothing secret is
/// written: tokens and session keys are in memory alone.
class Service {
 public:
  /// `surroundings`: as an agent alone would have them; the service puts its own thread before the
  /// hardware. `io` and the clock must outlive it.
  Service(boost::asio::io_context& io, StateDirectory state, Surroundings surroundings,
          Settings settings);
  ~Service();

  /// Takes requests from now on. `listen_failed`; `config_invalid` where a destination is the
  /// issuer.
  [[nodiscard]] Result<void> start();
  /// Users, grants, destinations and the log's level from now on; socket, session keys and limits
  /// stay as they were at the start, which is logged where they differ. `config_invalid` as of
  /// start: all stays.
  [[nodiscard]] Result<void> reload(Settings settings);
  /// Answers what is under way, sheds what waits for a thread, then calls `drained` on the
  /// io_context.
  void stop(std::function<void()> drained);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mintmark::agent::serve
