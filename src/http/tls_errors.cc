#include "http/tls_errors.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
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

std::string text_of(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) {
    const auto* octets = ASN1_STRING_get0_data(name->d.dNSName);
    const auto length = static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName));
    return printable({reinterpret_cast<const char*>(octets), length});
  }
  if (name->type != GEN_IPADD) return "a name of another kind";
  const bool is_ipv4 = ASN1_STRING_length(name->d.iPAddress) == 4;
  if (!is_ipv4 && ASN1_STRING_length(name->d.iPAddress) != 16) return "a malformed address";
  std::array<char, INET6_ADDRSTRLEN> address{};
  inet_ntop(is_ipv4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address.data(),
            address.size());
  return address.data();
}

/// The names the certificate does have, for whoever configured a wrong one.
std::string names_of(X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string text;
  for (int at = 0; at < sk_GENERAL_NAME_num(names) && text.size() < 200; ++at) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, at);
    text += text.empty() ? "" : ", ";
    text += text_of(name);
  }
  GENERAL_NAMES_free(names);
  return text.empty() ? "no name" : text;
}

void free_text(void* /*parent*/, void* text, CRYPTO_EX_DATA* /*data*/, int /*index*/,
               long /*number*/, void* /*pointer*/) {
  delete static_cast<std::string*>(text);
}

/// Where a connection keeps what its refused certificate says; OpenSSL drops the certificate
/// itself.
int refusal_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_text);
  return index;
}

int note_refusal(int good, X509_STORE_CTX* context) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (good == 1 || ssl == nullptr || SSL_get_ex_data(ssl, refusal_index()) != nullptr) return good;
  X509* certificate = X509_STORE_CTX_get_current_cert(context);
  auto text = std::make_unique<std::string>(" (subject " + subject_of(certificate) + ")");
  if (X509_STORE_CTX_get_error_depth(context) == 0 && certificate != nullptr) {
    *text += "; it is for " + names_of(certificate);
  }
  if (SSL_set_ex_data(ssl, refusal_index(), text.get()) == 1) (void)text.release();
  return good;
}

std::string certificate_trouble(SSL* ssl, long verdict) {
  const auto* refused = static_cast<std::string*>(SSL_get_ex_data(ssl, refusal_index()));
  return std::string(SSL_is_server(ssl) == 1 ? "the client's" : "the server's") +
         " certificate was refused: " + X509_verify_cert_error_string(verdict) +
         (refused == nullptr ? "" : *refused);
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

void remember_refused_certificates(ssl_ctx_st* context) {
  SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), note_refusal);
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
