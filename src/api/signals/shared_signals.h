// The endpoints of the OpenID Shared Signals Framework 1.0, and polling (RFC 8936).
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "api/service_access.h"
#include "http/router.h"
#include "revoke/signals/polls.h"
#include "revoke/signals/streams.h"

namespace mintmark::api {

/// References must outlive the router.
struct SharedSignals {
  std::string issuer;
  std::chrono::seconds max_age{300};  ///< Of the metadata (Cache-Control).
  ServiceAccess access;               ///< Asked for issuer::role_events.
  /// How an error of `access` is answered.
  std::function<http::Response(const Error&)> refuse;
  revoke::signals::Streams& streams;
  revoke::signals::Polls& polls;
};

/// Adds /.well-known/ssf-configuration (with the issuer's path behind it, §7.2), and below
/// ISSUER/ssf: streams, status, subjects/add, subjects/remove, verify, poll/{stream}.
void add_shared_signals(http::Router& router, const SharedSignals& parts);

}  // namespace mintmark::api
