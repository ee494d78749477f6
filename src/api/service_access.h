// What registered services may ask for with a token for the issuer itself (RFC 9449 §7).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "http/message.h"

namespace mintmark::api {

/// A registered service whose request was proven.
struct ServiceCaller {
  std::string id;                      ///< `client_id`.
  std::vector<std::string> audiences;  ///< It is told of tokens for these alone.
  Moment until;                        ///< Its token ends: an answer that goes on ends then.
};

/// Checks the DPoP-bound token of a request for the issuer itself, its proof, its scope and that
/// the service is still registered; errors as at a resource (`token_missing` …, `proof_…`,
/// `service_scope_missing`, `service_unknown`). For each its `WWW-Authenticate` by
/// `service_refusal`. Thread-safe.
using ServiceAccess =
    std::function<Result<ServiceCaller>(const http::Request& request, std::string_view scope)>;

}  // namespace mintmark::api
