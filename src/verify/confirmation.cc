#include "verify/confirmation.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::verify {
namespace {

bool is_certificate(std::string_view der) {
  const BytesView octets = as_bytes(der);
  const std::uint8_t* at = octets.data();
  const std::unique_ptr<X509, decltype(&X509_free)> parsed(
      d2i_X509(nullptr, &at, static_cast<long>(octets.size())), &X509_free);
  ERR_clear_error();
  return parsed && at == octets.data() + octets.size();
}

bool is_thumbprint(std::string_view text) {
  const auto octets = jose::from_base64url(text);
  return octets && octets->size() == Sha256{}.size();
}

tl::unexpected<Error> malformed(const std::string& detail) {
  return fail(Code::token_malformed, "the token's cnf: " + detail);
}

tl::unexpected<Error> unbound(const std::string& what) {
  return fail(Code::token_unbound,
              "the token " + what + ": it is bound to no device key and to no certificate");
}

}  // namespace

Result<Confirmation> read_confirmation(const Json& claims) {
  const auto cnf = claims.find("cnf");
  if (cnf == claims.end()) return unbound("has no cnf");
  if (!cnf->is_object()) return malformed("it is no object");
  auto jkt = jose::string_claim(*cnf, "jkt");
  if (!jkt) return malformed(jkt.error().detail);
  auto certificate = jose::string_claim(*cnf, "x5t#S256");
  if (!certificate) return malformed(certificate.error().detail);
  if (!*jkt && !*certificate) return unbound("has a cnf without jkt and x5t#S256");
  // One that says nothing must not take its place's proof away.
  if (*jkt && (*jkt)->empty()) return unbound("has an empty cnf.jkt");
  if (*certificate && !is_thumbprint(**certificate))
    return malformed("x5t#S256 is not the base64url of 32 octets");
  return Confirmation{std::move(*jkt).value_or(""), std::move(*certificate).value_or("")};
}

Result<void> check_certificate(std::string_view der, std::string_view thumbprint) {
  if (der.empty()) {
    return fail(Code::token_certificate_missing,
                "the token is bound to a certificate, and the connection showed none");
  }
  if (der.size() > certificate_octets) {
    return fail(Code::token_certificate_malformed,
                "the certificate is longer than " + std::to_string(certificate_octets) + " octets");
  }
  const std::string shown = jose::base64url(sha256(der));
  if (equal_in_constant_time(as_bytes(shown), as_bytes(thumbprint))) return {};
  if (!is_certificate(der)) {
    return fail(Code::token_certificate_malformed,
                "what was shown as the connection's certificate is none in DER");
  }
  return fail(Code::token_certificate_mismatch,
              "the connection's certificate is another than the one the token is bound to");
}

}  // namespace mintmark::verify
