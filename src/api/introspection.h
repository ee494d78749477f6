// POST /introspect (RFC 7662; RFC 9701).
#pragma once

#include "api/address_limit.h"
#include "http/router.h"
#include "issuer/introspection.h"

namespace mintmark::api {

/// Adds `path`. JSON, or application/token-introspection+jwt where the request's Accept names that;
/// never kept by caches. `introspection` must outlive the router.
void add_introspection(http::Router& router, const std::string& path,
                       issuer::Introspection& introspection, AddressLimit by_address = {});

}  // namespace mintmark::api
