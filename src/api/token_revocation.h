// POST /revoke (RFC 7009).
#pragma once

#include "api/address_limit.h"
#include "api/credentials.h"
#include "http/router.h"
#include "issuer/token_revocation.h"

namespace mintmark::api {

/// Adds `path`. Answers 200 when the token is good no longer, on disk. Nonces as at the token
/// endpoint. `revocation` must outlive the router.
void add_token_revocation(http::Router& router, const std::string& path,
                          issuer::TokenRevocation& revocation, CertificateSource certificates = {},
                          AddressLimit by_address = {});

}  // namespace mintmark::api
