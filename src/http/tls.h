// TLS 1.2 and 1.3 by OpenSSL, as server and as client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"

struct evp_pkey_st;
struct ossl_lib_ctx_st;
struct ssl_ctx_st;
struct ssl_st;

namespace mintmark::http {

struct SslFree {
  void operator()(ssl_st* ssl) const;
};
/// The state of one TLS connection.
using Ssl = std::unique_ptr<ssl_st, SslFree>;

class HandshakeThreads;

/// A private key that a provider of OpenSSL's holds and that makes its callers wait, such as one in
/// hardware.
struct HeldKey {
  std::shared_ptr<evp_pkey_st> key;
  ossl_lib_ctx_st* library = nullptr;  ///< Where its provider is; lives as long as the process.
  std::string properties;              ///< How algorithms are fetched from `library`.
  /// Where handshakes wait for it.
  std::shared_ptr<HandshakeThreads> threads;
};

/// What a server's certificate chain says.
struct ServerChain {
  Bytes public_key;  ///< The server's own: SubjectPublicKeyInfo, DER.
  Moment not_after;  ///< When its own certificate ends.
};
/// `tls_certificate_unusable` says why the PEM text is no chain.
[[nodiscard]] Result<ServerChain> read_server_chain(const std::string& chain_pem);

/// Whether a server asks its clients for certificates (RFC 8446 §4.3.2).
enum class ClientCertificates : std::uint8_t {
  none,
  /// Nobody must have one. Whoever shows one proves its key by the handshake, each time anew: such
  /// a connection is never resumed. Who signed it is judged by nobody here. One longer than
  /// `longest_client_certificate`, or of a key that costs much to verify with, ends the handshake:
  /// EC P-256 and P-384, Ed25519, RSA of 2,048 to 4,096 bits are taken.
  asked_for,
};
/// Octets of DER.
inline constexpr std::size_t longest_client_certificate = 8192;

/// Certificate chain and key, proven to fit each other. Immutable; used by any number of threads.
class TlsServerContext {
 public:
  /// PEM texts; the chain begins with the server's own certificate. AEAD suites with ECDHE only
  /// (RFC 9325 §4.2), no renegotiation, no compression; session tickets on.
  /// `tls_certificate_unusable` says what does not fit.
  [[nodiscard]] static Result<std::shared_ptr<const TlsServerContext>> from_pem(
      const std::string& chain_pem, const std::string& key_pem,
      ClientCertificates client_certificates = ClientCertificates::none);
  /// The same with a key that is held elsewhere, and TLS 1.3 alone: a server of TLS 1.2 signs what
  /// its client has a say in, which such a key need not do.
  [[nodiscard]] static Result<std::shared_ptr<const TlsServerContext>> with_held_key(
      const std::string& chain_pem, const HeldKey& key,
      ClientCertificates client_certificates = ClientCertificates::none);
  /// When the server's own certificate ends.
  [[nodiscard]] Moment not_after() const;
  /// One connection's state, about to accept; null where memory is out.
  [[nodiscard]] Ssl connection() const;
  /// Where its handshakes belong, because its key makes them wait; null: they never wait.
  [[nodiscard]] const std::shared_ptr<HandshakeThreads>& handshake_threads() const {
    return threads_;
  }

 private:
  TlsServerContext(std::shared_ptr<ssl_ctx_st> context, std::shared_ptr<HandshakeThreads> threads)
      : context_(std::move(context)), threads_(std::move(threads)) {}
  std::shared_ptr<ssl_ctx_st> context_;
  std::shared_ptr<HandshakeThreads> threads_;
};

/// What a client shows to servers that ask for a certificate.
struct ClientIdentity {
  std::string chain_pem;  ///< Its own certificate first.
  HeldKey key;            ///< `threads` means nothing here: the client itself waits.
};

/// The roots a client trusts, and who it is.
class TlsClientContext {
 public:
  /// PEM file of roots, or "" for the system's. `tls_failed` if there is none in the file.
  [[nodiscard]] static Result<TlsClientContext> trusting(const std::string& ca_file);
  /// The same with a certificate, and TLS 1.3 alone: a client of TLS 1.2 signs what its server has
  /// a say in. `tls_certificate_unusable` where chain and key do not fit.
  [[nodiscard]] static Result<TlsClientContext> trusting(const std::string& ca_file,
                                                         const ClientIdentity& identity);
  /// One connection's state, which will take no certificate but one for `host`, a DNS name or an IP
  /// address (RFC 9525): DNS-ID or IP-ID, never the subject's common name. SNI is sent for a name.
  [[nodiscard]] Result<Ssl> connection_to(const std::string& host) const;

 private:
  explicit TlsClientContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace mintmark::http
