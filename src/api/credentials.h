// How a request says who sends it, by headers (draft-ietf-oauth-attestation-based-client-auth-10
// §6, RFC 9449 §4.1), and the nonces that answers bring.
#pragma once

#include <string>

#include "http/message.h"
#include "issuer/client_authentication.h"

namespace mintmark::api {

/// Puts OAuth-Client-Attestation into the credentials, where it is sent. `client_unauthenticated`
/// with Authorization, `attestation_pop_unsupported`, `header_repeated`.
[[nodiscard]] Result<void> read_attestation(const http::Headers& headers,
                                            issuer::Credentials& credentials);

/// True for a refusal that another proof, with a nonce of ours, would get past.
[[nodiscard]] bool asks_for_nonce(const Error& error);

/// One value for both (RFC 9449 §8; attestation-based-client-auth-10 §8.1): `DPoP-Nonce` and
/// `OAuth-Client-Attestation-Challenge`.
void add_nonce(http::Response& response, const std::string& nonce);

}  // namespace mintmark::api
