// Whose word of another's request counts: the proxies', and nobody else's. Whoever else sends their
// headers could name a client that was never there.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/network.h"
#include "http/message.h"

namespace mintmark::http {

struct Peers {
  std::vector<Network> networks;
  std::vector<uid_t> users;  ///< Of a unix socket's other end.

  /// Who sent it, by its connection. Nobody is trusted by default.
  [[nodiscard]] bool trust(const Request& request) const;
};

}  // namespace mintmark::http
