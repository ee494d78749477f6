// What the issuer says of itself: RFC 8414 metadata, its published keys, its health.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "http/router.h"
#include "keyring/coverage.h"
#include "keyring/keyring.h"

namespace mintmark::api {

/// What the metadata says that the configuration decides.
struct Facts {
  std::string issuer;
  bool challenges_required = false;  ///< The challenge endpoint is named.
  bool self_signed_tls = false;      ///< self_signed_tls_client_auth is offered (RFC 8705 §2.2).
  bool tls_by_authorities = false;   ///< tls_client_auth is (RFC 8705 §2.1).
  /// Of client attestations and of introspection's answers.
  jose::Algorithm attestation_algorithm = jose::Algorithm::es256;
  /// How long verifiers may keep the keys and the metadata (Cache-Control).
  std::chrono::seconds keys_max_age{300};
};

/// What /readyz answers.
struct Readiness {
  std::vector<std::string> missing;   ///< Parts without which no token leaves; empty: ready.
  std::vector<std::string> warnings;  ///< What an operator should mend before it is one of those.
};

/// Told of each request for the keys that says which of them its sender holds: what it says of keys
/// that are published now for access tokens, or `http_malformed`. From any thread.
using Acknowledged = std::function<void(Result<keyring::Acknowledgement>)>;

/// 200, or 304 where the request's If-None-Match names `etag`, with Cache-Control (RFC 9111
/// §5.2.2).
[[nodiscard]] http::Response cacheable(const http::Request& request, const std::string& body,
                                       const std::string& etag, std::chrono::seconds max_age);

/// Adds /.well-known/oauth-authorization-server (with the issuer's path behind it, RFC 8414 §3.1),
/// /.well-known/jwks.json, /healthz and /readyz. Without `acknowledged` what verifiers say is not
/// read. `keyring` must outlive the router.
void add_metadata(http::Router& router, const Facts& facts, const keyring::Keyring& keyring,
                  std::function<Readiness()> readiness, Acknowledged acknowledged = nullptr);

}  // namespace mintmark::api
