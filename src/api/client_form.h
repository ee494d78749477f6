// A form that a client sends, and what it says of who sends it: at /token, /introspect and /revoke
// alike (RFC 6749 §2.3, RFC 7523 §2.2).
#pragma once

#include <map>
#include <string>

#include "api/credentials.h"
#include "http/message.h"
#include "issuer/client_authentication.h"

namespace mintmark::api {

struct ClientForm {
  issuer::Credentials credentials;  ///< What the form says: client_id, client_assertion.
  /// The others, each once, none empty.
  std::map<std::string, std::string, std::less<>> parameters;

  /// "" where it is not there.
  [[nodiscard]] std::string value(std::string_view name) const;
};

/// `content_type_wrong`, `http_malformed`, `parameter_repeated`, `parameter_missing` (of
/// client_assertion and client_assertion_type one alone), `assertion_type_unknown`,
/// `client_unauthenticated` (a client_secret).
[[nodiscard]] Result<ClientForm> read_client_form(const http::Request& request);

/// What a client that brings an assertion has to show beside it.
enum class BesideAssertion {
  proof,         ///< A DPoP proof.
  perhaps_proof  ///< One may be there.
};

/// Puts into the credentials what stands beside the form: attestation, certificate, proof. Errors
/// of read_attestation, client_certificate and verify::one_proof; `client_unauthenticated` where
/// nothing speaks for the client.
[[nodiscard]] Result<void> read_sender(const http::Request& request,
                                       const CertificateSource& certificates,
                                       BesideAssertion beside, issuer::Credentials& credentials);

}  // namespace mintmark::api
