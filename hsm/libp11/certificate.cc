#include "hsm/libp11/certificate.h"

#include <openssl/pem.h>

#include <ctime>
#include <optional>

#include "hsm/libp11/openssl.h"

namespace mintmark::hsm::libp11 {
namespace {

// nullopt, here and below: without memory.
std::optional<std::string> text_of(const X509_NAME* name) {
  const Owned<BIO> memory(BIO_new(BIO_s_mem()));
  // UTF-8 as it stands; control characters stay escaped.
  constexpr unsigned long form = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, form) < 0) return std::nullopt;
  return content_of(memory.get());
}

std::optional<std::string> text_of(const ASN1_INTEGER* serial) {
  const Owned<BIGNUM> number(ASN1_INTEGER_to_BN(serial, nullptr));
  char* hex = number ? BN_bn2hex(number.get()) : nullptr;
  if (hex == nullptr) return std::nullopt;
  std::string text = hex;
  OPENSSL_free(hex);
  return text;
}

std::int64_t unix_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<std::int64_t>(timegm(&parts));
}

tl::unexpected<Error> malformed(const std::string& what) {
  ERR_clear_error();
  return fail(Code::certificate_malformed, what);
}

/// The DER in one PEM block; all of the text is looked at.
Result<Bytes> der_in_pem(std::string_view text) {
  const Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const Owned<X509> first(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!first) return malformed("holds no certificate, or a damaged one");
  const Owned<X509> second(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (second) return malformed("holds several certificates; give the one of the key alone");
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    return malformed("has something damaged behind the certificate");
  ERR_clear_error();
  return der_of(first.get(),
                [](const X509* one, unsigned char** out) { return i2d_X509(one, out); });
}

}  // namespace

Result<CertificateFacts> facts_of_certificate(BytesView der) {
  const auto* at = der.data();
  const Owned<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate) return malformed("is no X.509 certificate");
  if (at != der.data() + der.size()) return malformed("has octets behind the certificate");
  auto subject = text_of(X509_get_subject_name(certificate.get()));
  auto issuer = text_of(X509_get_issuer_name(certificate.get()));
  auto serial = text_of(X509_get0_serialNumber(certificate.get()));
  if (!subject || !issuer || !serial) return malformed("has names that OpenSSL does not show");
  CertificateFacts facts;
  facts.subject = std::move(*subject);
  facts.issuer = std::move(*issuer);
  facts.serial = std::move(*serial);
  facts.not_before = unix_seconds(X509_get0_notBefore(certificate.get()));
  facts.not_after = unix_seconds(X509_get0_notAfter(certificate.get()));
  const EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) return malformed("has a public key that OpenSSL does not know");
  facts.public_key =
      der_of(key, [](const EVP_PKEY* one, unsigned char** out) { return i2d_PUBKEY(one, out); });
  if (facts.public_key.empty()) return malformed("has a public key that OpenSSL does not show");
  facts.der = to_bytes(der);
  return facts;
}

Result<CertificateFacts> read_certificate(std::string_view text) {
  if (text.find("-----BEGIN ") == std::string_view::npos)
    return facts_of_certificate(as_bytes(text));
  auto der = der_in_pem(text);
  if (!der) return pass_on(der);
  return facts_of_certificate(*der);
}

}  // namespace mintmark::hsm::libp11
