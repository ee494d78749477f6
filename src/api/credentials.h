// How a request says who sends it, by headers (draft-ietf-oauth-attestation-based-client-auth-10
// §6, RFC 9449 §4.1) and by its connection (RFC 8705), and the nonces that answers bring.
#pragma once

#include <memory>
#include <string>

#include "http/client_certificate.h"
#include "http/message.h"
#include "http/peers.h"
#include "issuer/client_authentication.h"

namespace mintmark::api {

/// Puts OAuth-Client-Attestation into the credentials, where it is sent. `client_unauthenticated`
/// with Authorization, `attestation_pop_unsupported`, `header_repeated`.
[[nodiscard]] Result<void> read_attestation(const http::Headers& headers,
                                            issuer::Credentials& credentials);

/// Who tells the certificate that a client showed.
struct CertificateSource {
  /// none: our own TLS. Else a proxy in front of us names it there.
  http::CertificateHeader header = http::CertificateHeader::none;
  http::Peers proxies = {};  ///< Who is believed that header.
};

/// The certificate that the client showed; null where it showed none. `mutual_tls_off` where
/// another peer than a proxy names one; `client_certificate_repeated`,
/// `client_certificate_malformed`.
[[nodiscard]] Result<std::shared_ptr<const Bytes>> client_certificate(
    const http::Request& request, const CertificateSource& source);

/// True for a refusal that another proof, with a nonce of ours, would get past.
[[nodiscard]] bool asks_for_nonce(const Error& error);

/// One value for both (RFC 9449 §8; attestation-based-client-auth-10 §8.1): `DPoP-Nonce` and
/// `OAuth-Client-Attestation-Challenge`.
void add_nonce(http::Response& response, const std::string& nonce);

}  // namespace mintmark::api
