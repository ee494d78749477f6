// TLS 1.2 and 1.3 by OpenSSL, as server and as client.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"

struct ssl_ctx_st;
struct ssl_st;

namespace mintmark::http {

struct SslFree {
  void operator()(ssl_st* ssl) const;
};
/// The state of one TLS connection.
using Ssl = std::unique_ptr<ssl_st, SslFree>;

/// Certificate chain and key, proven to fit each other. Immutable; used by any number of threads.
class TlsServerContext {
 public:
  /// PEM texts; the chain begins with the server's own certificate. AEAD suites with ECDHE only
  /// (RFC 9325 §4.2), no renegotiation, no compression; session tickets on.
  /// `tls_certificate_unusable` says what does not fit.
  [[nodiscard]] static Result<std::shared_ptr<const TlsServerContext>> from_pem(
      const std::string& chain_pem, const std::string& key_pem);
  /// When the server's own certificate ends.
  [[nodiscard]] Moment not_after() const;
  /// One connection's state, about to accept; null where memory is out.
  [[nodiscard]] Ssl connection() const;

 private:
  explicit TlsServerContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

/// The roots a client trusts.
class TlsClientContext {
 public:
  /// PEM file of roots, or "" for the system's. `tls_failed` if there is none in the file.
  [[nodiscard]] static Result<TlsClientContext> trusting(const std::string& ca_file);
  /// One connection's state, which will take no certificate but one for `host`, a DNS name or an IP
  /// address (RFC 9525): DNS-ID or IP-ID, never the subject's common name. SNI is sent for a name.
  [[nodiscard]] Result<Ssl> connection_to(const std::string& host) const;

 private:
  explicit TlsClientContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace mintmark::http
