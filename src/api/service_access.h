// What registered services may ask for with a token for the issuer itself (RFC 9449 §7).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/address_limit.h"
#include "base/error.h"
#include "base/time.h"
#include "http/message.h"
#include "issuer/client_rate.h"
#include "issuer/own_tokens.h"
#include "issuer/services.h"
#include "verify/nonces.h"
#include "verify/replay.h"

namespace mintmark::api {

/// A registered service whose request was proven.
struct ServiceCaller {
  std::string id;                      ///< `client_id`.
  std::vector<std::string> audiences;  ///< It is told of tokens for these alone.
  Moment until;                        ///< Its token ends: an answer that goes on ends then,
  /// and when this says no: the token was revoked. Thread-safe; never waits. Empty: it is not
  /// asked.
  std::function<bool()> still_good = {};
};

/// Checks the DPoP-bound token of a request for the issuer itself, its proof, its scope and that
/// the service is still registered; errors as at a resource (`token_missing` …, `proof_…`,
/// `service_scope_missing`, `service_unknown`; RateLimit's). For each its `WWW-Authenticate` by
/// `service_refusal`. Thread-safe.
using ServiceAccess =
    std::function<Result<ServiceCaller>(const http::Request& request, std::string_view scope)>;

/// Refuses such a request: RFC 9449 §7.1, §9 and RFC 6750 §3. Thread-safe.
using ServiceRefusal = std::function<http::Response(const Error& error)>;

/// What a service's request is checked by. References must outlive the access.
struct ServiceAccessParts {
  std::string issuer;
  const Clock& clock;
  const issuer::OwnTokens& tokens;
  const issuer::Services& services;
  verify::Nonces& nonces;
  verify::ReplayWindow& proofs;  ///< Of this access alone.
  AddressLimit by_address = {};
  issuer::ClientRate* by_client = nullptr;  ///< Once it is proven; null: as often as it likes.
};

/// One access for all endpoints. The proof's `htu` is the
/// issuer's origin with the request's path. A proof needs a nonce where it may have been used in an
/// earlier process, and only there: `proof_nonce_required`.
[[nodiscard]] ServiceAccess make_service_access(const ServiceAccessParts& parts);

/// The code's status (a proof that is none: 401), with `WWW-Authenticate: DPoP`; with `DPoP-Nonce`
/// where the error asks for one and `nonce` is given.
[[nodiscard]] http::Response service_refusal(const Error& error, const std::string& nonce = "");
/// The same with a nonce wherever one is asked for. `nonces` must outlive it.
[[nodiscard]] ServiceRefusal make_service_refusal(verify::Nonces& nonces);

}  // namespace mintmark::api
