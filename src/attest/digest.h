// Digests by OpenSSL, of any algorithm. Both throw std::bad_alloc where OpenSSL has no memory: what
// stood there instead, zeros, would be taken for a digest.
#pragma once

#include <openssl/evp.h>

#include "base/bytes.h"

namespace mintmark::attest {

[[nodiscard]] Bytes digest_by(const EVP_MD* algorithm, BytesView octets);
[[nodiscard]] Bytes hmac_by(const EVP_MD* algorithm, BytesView key, BytesView octets);

}  // namespace mintmark::attest
