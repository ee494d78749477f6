// A whole request, carried to a service with token and proof.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/serve/access.h"
#include "agent/serve/prover.h"
#include "agent/serve/token_source.h"
#include "base/mutex.h"
#include "http/client.h"

namespace mintmark::agent::serve {

/// Goes on with: method, path, query, body, and every header but those of the connection (RFC 9110
/// §7.6.1) and the program's own Authorization, DPoP and Mint-Agent-Scope; and Via
/// (§7.6.3).
[[nodiscard]] http::Headers carried_to_service(const http::Headers& headers);
/// Comes back with: every header but those of the connection, and the service's nonce, which is the
/// agent's.
[[nodiscard]] http::Headers carried_to_program(const http::Headers& headers);

/// One request on its way out.
struct Outgoing {
  const Destination& destination;
  std::string ca_file;
  const http::Request& request;
  http::Headers headers;
  std::string certificate = {};  ///< x5t#S256 of the one that the connection must show; "": none.
};

/// Redirects are answers, not followed: a proof is for one URL. Thread-safe, as long as each worker
/// carries one request at a time.
class Relay {
 public:
  struct Sent {
    Result<http::Response> answer;
    bool by_service = true;  ///< That there is none is the service's doing, not the device key's.
  };
  /// Sends one request; tests put a service of their own there. `agent_certificate_missing`: that
  /// certificate is not shown any more.
  using Send = std::function<Sent(unsigned worker, const Outgoing& outgoing)>;

  Relay(TokenSource& tokens, const Prover& prover, Send send)
      : tokens_(tokens), prover_(prover), send_(std::move(send)) {}

  /// With a token as `wish` says. Asked for a nonce, or told that the token is none any more, it
  /// tries again, once for each. An answer of its own where it has no token, no proof, or no answer
  /// (`agent_upstream_failed`).
  [[nodiscard]] http::Response carry(unsigned worker, const http::Request& request,
                                     const Destination& destination, const Wish& wish);

 private:
  [[nodiscard]] Result<http::Headers> authorised(const http::Request& request,
                                                 const Destination& destination,
                                                 const Identity& identity,
                                                 const HeldToken& token) const;
  [[nodiscard]] Result<http::Response> attempt(unsigned worker, const http::Request& request,
                                               const Destination& destination,
                                               const HeldToken& token);
  [[nodiscard]] http::Response try_again(unsigned worker, const http::Request& request,
                                         const Destination& destination, const Wish& wish,
                                         HeldToken token);
  [[nodiscard]] std::string nonce_of(const std::string& origin) const;
  void keep_nonce(const std::string& origin, const http::Headers& headers);

  TokenSource& tokens_;
  const Prover& prover_;
  Send send_;
  mutable Mutex mutex_;
  /// By origin: as many as there are destinations.
  std::map<std::string, std::string> nonces_ MINTMARK_GUARDED_BY(mutex_);
};

/// Over the network. `workers`: how many there are; each keeps its own connections, and an agent of
/// its own for those that show the device's certificate.
[[nodiscard]] Relay::Send send_by_network(unsigned workers, const Limits& limits,
                                          const std::function<Agent()>& agent);

}  // namespace mintmark::agent::serve
