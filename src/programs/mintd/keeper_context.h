// What the keeper's parts share; made once at start.
#pragma once

#include <string>

#include <boost/asio/io_context.hpp>

#include "base/time.h"
#include "programs/mintd/child.h"
#include "programs/mintd/loaded.h"

namespace mintmark::mintd {

struct KeeperContext {
  boost::asio::io_context& io;
  const Clock& clock;
  Loaded in_force;  ///< The children are handed its texts: they run on what was checked here.
  std::string config_file;
  std::string programs;  ///< Directory of mintd-front and mintd-signer.
  std::optional<UserIds> front_user;
  std::optional<UserIds> signer_user;

  [[nodiscard]] std::string keeper_directory() const {
    return in_force.config.state_directory + "/keeper";
  }
  [[nodiscard]] std::string front_directory() const {
    return in_force.config.state_directory + "/front";
  }
};

/// How often this mintd began anew because its lease was gone (start_anew).
[[nodiscard]] unsigned lease_losses();
/// Waits until the lease at `path` can be had, then begins this program from its start: whoever had
/// it meanwhile may have changed everything. Returns only where that cannot be done.
[[nodiscard]] Error start_anew(const std::string& path, char* const* argv);

/// What every child gets and no more: nothing of the keeper's own environment is passed on.
[[nodiscard]] std::vector<std::string> plain_environment();

}  // namespace mintmark::mintd
