// POST /token (RFC 6749 §3.2, §4.4; RFC 9449 §5; RFC 8707).
#pragma once

#include "http/router.h"
#include "issuer/mint.h"

namespace mintmark::api {

/// What the request says, checked for shape only: form, grant type, each parameter and header once.
/// The parts are judged by Issuer::mint.
[[nodiscard]] Result<issuer::TokenCall> read_token_call(const http::Request& request);

/// Adds `path`. `issuer` must outlive the router.
void add_token(http::Router& router, const std::string& path, issuer::Issuer& issuer);

}  // namespace mintmark::api
