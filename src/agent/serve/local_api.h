// What programs of this machine may ask the agent itself: http://localhost/… at its socket.
#pragma once

#include <memory>

#include "agent/serve/access.h"
#include "agent/serve/given_tokens.h"
#include "agent/serve/prover.h"
#include "agent/serve/relay.h"
#include "agent/serve/token_source.h"
#include "agent/serve/workers.h"
#include "http/limits.h"

namespace mintmark::agent::serve {

/// The configuration as a request finds it; whoever works on one keeps it until the answer.
struct InForce {
  explicit InForce(Settings read) : settings(std::move(read)), access(settings) {}
  InForce(const InForce&) = delete;
  InForce& operator=(const InForce&) = delete;
  const Settings settings;
  const Access access;
};

/// Outlives the requests.
struct Desk {
  const Clock& clock;
  TokenSource& tokens;
  const Prover& prover;
  GivenTokens& given;
  Relay& relay;
  Workers& workers;
  std::shared_ptr<const InForce> in_force;  ///< Replaced between requests.
};

/// The share of connections that a peer's counts to: one for each user with a grant, who has a
/// quarter of all, and one eighth for all others together, so that whoever is nobody here cannot
/// shut the users out, whatever number of users it makes.
[[nodiscard]] http::ConnectionShare connection_share(const InForce& in_force,
                                                     const http::LocalPeer* peer);

/// GET /token, POST /proof, GET /status, GET /healthz where Host is localhost; every other Host is
/// a destination. Who may have what is asked for each request. On one thread; answers come from
/// any.
[[nodiscard]] http::Handler local_requests(Desk& desk);

}  // namespace mintmark::agent::serve
