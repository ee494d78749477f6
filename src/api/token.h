// POST /token (RFC 6749 §3.2, §4.4; RFC 7523; RFC 8705; RFC 9449 §5; RFC 8707), and POST /challenge
// beside it.
#pragma once

#include "api/address_limit.h"
#include "api/credentials.h"
#include "http/router.h"
#include "issuer/mint.h"
#include "issuer/service_tokens.h"

namespace mintmark::api {

/// What the request says, checked for shape only: form, grant type, each parameter and header once.
/// The parts are judged by Issuer::mint.
[[nodiscard]] Result<issuer::TokenCall> read_token_call(const http::Request& request,
                                                        const CertificateSource& certificates = {});

/// What stands at the token endpoint beside the issuer of devices' tokens.
struct TokenDoor {
  issuer::ServiceTokens* services = nullptr;  ///< Null: there are no services.
  AddressLimit by_address = {};
};

/// Adds `path`. Where challenges are required every answer bears the next nonce, otherwise those
/// that ask for one do: in `DPoP-Nonce` and `OAuth-Client-Attestation-Challenge` alike. `issuer`
/// and what `door` names must outlive the router.
void add_token(http::Router& router, const std::string& path, issuer::Issuer& issuer,
               CertificateSource certificates = {}, TokenDoor door = {});

/// The challenge endpoint (draft-ietf-oauth-attestation-based-client-auth-10 §8.1): only where
/// challenges are required, since offering it obliges clients to use it.
void add_challenge(http::Router& router, const std::string& path, issuer::Issuer& issuer);

}  // namespace mintmark::api
