// One decision: may the call that a proxy asks about pass?
#pragma once

#include <memory>
#include <string>

#include "base/atomic_shared.h"
#include "gate/kept_keys.h"
#include "gate/original.h"
#include "gate/services.h"
#include "http/message.h"
#include "http/peers.h"
#include "mintmark/verifier.h"

namespace mintmark::gate {

/// Where the client's certificate is told (RFC 8705 §3).
enum class CertificateFrom {
  none,         ///< Nowhere: tokens that are bound to one are refused.
  client_cert,  ///< The proxy's Client-Cert (RFC 9440).
  nginx,        ///< nginx's $ssl_client_escaped_cert, in X-SSL-Client-Escaped-Cert.
  tls,          ///< The check request's own TLS connection.
};

/// One listener: who asks there, and in which words.
struct Door {
  Dialect dialect = Dialect::nginx;
  std::string path_prefix;  ///< Of Envoy's check requests; "" elsewhere.
  http::Peers peers;
  CertificateFrom certificate = CertificateFrom::none;
};

/// What is in force. Immutable; swapped whole.
struct Policy {
  Services services;
  ProofNonces nonces = ProofNonces::never;
  std::shared_ptr<const Verifier> verifier;  ///< Takes all of services.audiences().
};

/// Thread-safe. Waits for nothing.
class Gate {
 public:
  Gate(std::shared_ptr<const KeptKeys> keys, std::shared_ptr<const Policy> policy)
      : keys_(std::move(keys)), policy_(std::move(policy)) {}

  /// For decisions that begin from now on.
  void replace(std::shared_ptr<const Policy> policy) { policy_.store(std::move(policy)); }
  [[nodiscard]] std::shared_ptr<const Policy> policy() const { return policy_.load(); }

  /// The answer for the proxy; its `cause` is why it refuses.
  [[nodiscard]] http::Response decide(const http::Request& check, const Door& door) const;
  /// The answer would perhaps be another when the issuer, which is being asked for its keys, has
  /// answered, or is another already: whoever may wait (KeptKeys::await_answer) decides again then.
  /// `attempts`: of the keys, before the decision.
  [[nodiscard]] bool may_change(const http::Response& answer, std::uint64_t attempts) const;

 private:
  std::shared_ptr<const KeptKeys> keys_;
  AtomicShared<const Policy> policy_;
};

}  // namespace mintmark::gate
