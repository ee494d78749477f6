#include "api/credentials.h"

namespace mintmark::api {

Result<void> read_attestation(const http::Headers& headers, issuer::Credentials& credentials) {
  constexpr const char* attestation = "OAuth-Client-Attestation";
  if (headers.count("Authorization") != 0) {
    return fail(Code::client_unauthenticated,
                "clients authenticate here with OAuth-Client-Attestation or client_assertion, not "
                "with Authorization");
  }
  // Draft attestation-based-client-auth-10 §7.3: in the combined mode there is no PoP header and
  // precisely one DPoP header.
  if (headers.count("OAuth-Client-Attestation-PoP") != 0) {
    return fail(Code::attestation_pop_unsupported,
                "OAuth-Client-Attestation-PoP is not taken here; the DPoP proof by the same key "
                "stands for it");
  }
  if (headers.count(attestation) > 1) {
    return fail(Code::header_repeated,
                std::string("the request has more than one ") + attestation + " header");
  }
  if (const std::string* sent = headers.find(attestation)) credentials.client_attestation = *sent;
  return {};
}

Result<std::shared_ptr<const Bytes>> client_certificate(const http::Request& request,
                                                        const CertificateSource& source) {
  const http::CertificateHeader header = source.header;
  if (header == http::CertificateHeader::none) return request.client_certificate;
  // Before it is looked at. Without the header a client may still come by another method.
  if (request.headers.count(http::name_of(header)) > 0 && !source.proxies.trust(request)) {
    return fail(Code::mutual_tls_off,
                "the header " + std::string(http::name_of(header)) +
                    " is believed from the proxy alone (mutual_tls.trusted_networks), and " +
                    request.peer + " is another");
  }
  auto told = http::forwarded_certificate(request.headers, header);
  if (told) return *told ? std::make_shared<const Bytes>(std::move(**told)) : nullptr;
  const bool repeated = request.headers.count(http::name_of(header)) > 1;
  return fail(repeated ? Code::client_certificate_repeated : Code::client_certificate_malformed,
              told.error().detail);
}

bool asks_for_nonce(const Error& error) {
  const std::string_view oauth = facts_of(error.code).oauth_error;
  return oauth == "use_dpop_nonce" || oauth == "use_attestation_challenge";
}

void add_nonce(http::Response& response, const std::string& nonce) {
  response.headers.set("DPoP-Nonce", nonce);
  response.headers.set("OAuth-Client-Attestation-Challenge", nonce);
}

}  // namespace mintmark::api
