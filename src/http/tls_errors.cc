#include "http/tls_errors.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/bytes.h"

namespace mintmark::http {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};

std::string subject_of(X509* certificate) {
  const std::unique_ptr<BIO, BioFree> memory(BIO_new(BIO_s_mem()));
  if (certificate == nullptr || memory == nullptr) return "none";
  X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &text);
  return text == nullptr ? "" : printable({text, static_cast<std::size_t>(length)}, 200);
}

/// The names the certificate does have, for whoever configured a wrong one.
std::string names_of(X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string text;
  for (int at = 0; at < sk_GENERAL_NAME_num(names) && text.size() < 200; ++at) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, at);
    if (name->type != GEN_DNS) continue;
    const auto* octets = ASN1_STRING_get0_data(name->d.dNSName);
    const auto length = static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName));
    text += text.empty() ? "" : ", ";
    text += printable({reinterpret_cast<const char*>(octets), length});
  }
  GENERAL_NAMES_free(names);
  return text.empty() ? "no DNS name" : text;
}

std::string certificate_trouble(SSL* ssl, long verdict) {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  std::string text = "the server's certificate was refused: ";
  text += X509_verify_cert_error_string(verdict);
  text += " (subject " + subject_of(certificate) + ")";
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH && certificate != nullptr) {
    text += "; it is for " + names_of(certificate);
  }
  return text;
}

}  // namespace

std::string openssl_reasons() {
  std::string text;
  while (const unsigned long error = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(error);
    text += text.empty() ? "" : "; ";
    text += reason != nullptr ? std::string(reason) : "error " + std::to_string(error);
  }
  return text;
}

Error tls_error(ssl_st* ssl) {
  const long verdict = SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK) {
    ERR_clear_error();
    return {Code::tls_failed, certificate_trouble(ssl, verdict),
            static_cast<std::uint64_t>(verdict)};
  }
  const unsigned long first = ERR_peek_error();
  std::string reasons = openssl_reasons();
  return {Code::tls_failed, reasons.empty() ? "TLS broke" : std::move(reasons), first};
}

}  // namespace mintmark::http
