// The client's certificate as whoever ended its TLS connection hands it on. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "http/message.h"

namespace mintmark::http {

/// In which header a trusted proxy tells the certificate.
enum class CertificateHeader : std::uint8_t {
  none,         ///< In none.
  client_cert,  ///< `Client-Cert` (RFC 9440 §2.2): base64 of the DER between colons.
  /// `X-SSL-Client-Escaped-Cert`: nginx's $ssl_client_escaped_cert, a PEM text with percent
  /// encoding.
  nginx_escaped,
};

inline constexpr const char* client_cert_header = "Client-Cert";
inline constexpr const char* nginx_escaped_header = "X-SSL-Client-Escaped-Cert";
/// The header's name; "" for none.
[[nodiscard]] const char* name_of(CertificateHeader header);
/// By the header's name, in any case; nullopt for another's.
[[nodiscard]] std::optional<CertificateHeader> certificate_header_named(std::string_view name);

/// DER of the certificate that the header names; nothing where it is not there, or empty, as a
/// proxy sends it for a client without one. For headers of a peer that is trusted to have
/// overwritten what its client sent. `token_certificate_malformed`: the header stands twice, is
/// malformed or too long (longest_client_certificate); of the DER only its outermost frame is
/// looked at.
[[nodiscard]] Result<std::optional<Bytes>> forwarded_certificate(const Headers& headers,
                                                                 CertificateHeader header);

}  // namespace mintmark::http
