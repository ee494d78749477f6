// What a TLS 1.3 server signs (RFC 8446 §4.4.3), for the signer's rules of purpose. Pure.
#pragma once

#include <string_view>

#include "base/error.h"

namespace mintmark::hsm::signer {

/// `purpose_refused`, with what does not fit, unless `input` is exactly what a server's
/// CertificateVerify covers: 64 octets 0x20, "TLS 1.3, server CertificateVerify", one octet 0, and
/// a transcript hash of 32 or 48 octets. No JWS, certificate or certificate request looks like
/// that, nor what a TLS client or a server of TLS 1.2 signs (there the parameters' first octet, 3,
/// stands where "TLS" stands here, after 64 octets that both sides choose).
[[nodiscard]] Result<void> check_certificate_verify(std::string_view input);

}  // namespace mintmark::hsm::signer
