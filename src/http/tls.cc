#include "http/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <vector>

#include "base/pem.h"
#include "http/client_verification.h"
#include "http/tls_errors.h"

namespace mintmark::http {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIO> reader_of(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::shared_ptr<ssl_ctx_st> new_context(const SSL_METHOD* method, OSSL_LIB_CTX* library = nullptr,
                                        const char* properties = nullptr) {
  SSL_CTX* context = SSL_CTX_new_ex(library, properties, method);
  if (context == nullptr) return nullptr;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // One recv for a whole record instead of one for its head and one for its content.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_cipher_list(context,
                          "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                          "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                          "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305");
  return {context, SSL_CTX_free};
}

/// RFC 7301 §3.2: a client that only speaks something else is told so, instead of being
/// misunderstood.
int choose_http_1(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_length,
                  const unsigned char* offered, unsigned int offered_length, void* /*user*/) {
  static constexpr std::array<unsigned char, 18> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1',
                                                      8, 'h', 't', 't', 'p', '/', '1', '.', '0'};
  unsigned char* match = nullptr;
  const int outcome = SSL_select_next_proto(&match, chosen_length, ours.data(), ours.size(),
                                            offered, offered_length);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

tl::unexpected<Error> unusable(const std::string& what) {
  const std::string reasons = openssl_reasons();
  return fail(Code::tls_certificate_unusable, reasons.empty() ? what : what + ": " + reasons);
}

/// The server's own certificate first.
Result<std::vector<Owned<X509>>> read_chain(const std::string& chain_pem) {
  std::vector<Owned<X509>> chain;
  const auto reader = reader_of(chain_pem);
  chain.emplace_back(PEM_read_bio_X509_AUX(reader.get(), nullptr, no_passphrase, nullptr));
  if (chain.front() == nullptr) return unusable("no certificate in the TLS chain");
  while (X509* next = PEM_read_bio_X509(reader.get(), nullptr, no_passphrase, nullptr))
    chain.emplace_back(next);
  const unsigned long last = ERR_peek_last_error();
  if (ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
    return unusable("the TLS chain has a certificate that cannot be read");
  }
  ERR_clear_error();
  return chain;
}

Result<void> take_chain(SSL_CTX* context, const std::string& chain_pem) {
  auto chain = read_chain(chain_pem);
  if (!chain) return pass_on(chain);
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) {
    return unusable("the TLS certificate cannot be used");
  }
  for (std::size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1)
      return unusable("a certificate of the TLS chain cannot be used");
  }
  return {};
}

Result<void> take_key(SSL_CTX* context, EVP_PKEY* key) {
  if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return unusable("the TLS key does not fit its certificate");
  }
  return {};
}

Result<void> take_key(SSL_CTX* context, const std::string& key_pem) {
  const auto reader = reader_of(key_pem);
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(reader.get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) return unusable("the TLS key cannot be read");
  return take_key(context, key.get());
}

void serve_http(SSL_CTX* context, ClientCertificates client_certificates) {
  if (client_certificates == ClientCertificates::asked_for) ask_for_certificates(context);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_num_tickets(context, 1);
  // Resumption is by tickets alone: a cache of sessions would grow with strangers.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_http_1, nullptr);
}

Moment end_of(const X509* certificate) {
  std::tm parts{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
    return {};
  return from_unix(timegm(&parts));
}

bool is_ip_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool expect_host(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(
      rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (is_ip_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1;
  return X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

Result<void> trust(SSL_CTX* context, const std::string& ca_file) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  remember_refused_certificates(context);
  const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                     : SSL_CTX_load_verify_file(context, ca_file.c_str());
  if (loaded == 1) return {};
  return fail(Code::tls_failed, "no roots to trust in " +
                                    (ca_file.empty() ? "the system's store" : ca_file) + ": " +
                                    openssl_reasons());
}

}  // namespace

void SslFree::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::from_pem(
    const std::string& chain_pem, const std::string& key_pem,
    ClientCertificates client_certificates) {
  ERR_clear_error();
  auto context = new_context(TLS_server_method());
  if (context == nullptr) return unusable("OpenSSL gives no TLS context");
  auto chain = take_chain(context.get(), chain_pem);
  if (!chain) return pass_on(chain);
  auto key = take_key(context.get(), key_pem);
  if (!key) return pass_on(key);
  serve_http(context.get(), client_certificates);
  return std::shared_ptr<const TlsServerContext>(new TlsServerContext(std::move(context), nullptr));
}

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::with_held_key(
    const std::string& chain_pem, const HeldKey& held, ClientCertificates client_certificates) {
  ERR_clear_error();
  auto context = new_context(TLS_server_method(), held.library, held.properties.c_str());
  if (context == nullptr) return unusable("OpenSSL gives no TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  auto chain = take_chain(context.get(), chain_pem);
  if (!chain) return pass_on(chain);
  auto key = take_key(context.get(), held.key.get());
  if (!key) return pass_on(key);
  serve_http(context.get(), client_certificates);
  return std::shared_ptr<const TlsServerContext>(
      new TlsServerContext(std::move(context), held.threads));
}

Result<ServerChain> read_server_chain(const std::string& chain_pem) {
  ERR_clear_error();
  const auto chain = read_chain(chain_pem);
  if (!chain) return tl::unexpected<Error>(chain.error());
  const X509* own = chain->front().get();
  const X509_PUBKEY* key = X509_get_X509_PUBKEY(own);
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(key, &der);
  if (size <= 0) return unusable("the TLS certificate's public key cannot be read");
  ServerChain read{Bytes(der, der + size), end_of(own)};
  OPENSSL_free(der);
  return read;
}

Moment TlsServerContext::not_after() const {
  return end_of(SSL_CTX_get0_certificate(context_.get()));
}

Ssl TlsServerContext::connection() const {
  Ssl ssl(SSL_new(context_.get()));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return ssl;
}

Result<TlsClientContext> TlsClientContext::trusting(const std::string& ca_file) {
  ERR_clear_error();
  auto context = new_context(TLS_client_method());
  if (context == nullptr) return fail(Code::tls_failed, "OpenSSL gives no TLS context");
  if (auto trusted = trust(context.get(), ca_file); !trusted) return pass_on(trusted);
  return TlsClientContext(std::move(context));
}

Result<TlsClientContext> TlsClientContext::trusting(const std::string& ca_file,
                                                    const ClientIdentity& identity) {
  ERR_clear_error();
  const HeldKey& held = identity.key;
  auto context = new_context(TLS_client_method(), held.library, held.properties.c_str());
  if (context == nullptr) return fail(Code::tls_failed, "OpenSSL gives no TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  if (auto trusted = trust(context.get(), ca_file); !trusted) return pass_on(trusted);
  if (auto chain = take_chain(context.get(), identity.chain_pem); !chain) return pass_on(chain);
  if (auto key = take_key(context.get(), held.key.get()); !key) return pass_on(key);
  return TlsClientContext(std::move(context));
}

Result<Ssl> TlsClientContext::connection_to(const std::string& host) const {
  ERR_clear_error();
  Ssl ssl(SSL_new(context_.get()));
  if (ssl == nullptr || !expect_host(ssl.get(), host)) {
    return fail(Code::tls_failed, "no TLS to \"" + host + "\": " + openssl_reasons());
  }
  SSL_set_connect_state(ssl.get());
  return ssl;
}

}  // namespace mintmark::http
