// Key pairs of OpenSSL for every algorithm: what the fakes of hardware have inside.
#pragma once

#include <openssl/types.h>

#include <memory>

#include "jose/key.h"

namespace mintmark::test {

/// A fresh pair; RSA with 2048 bits. Throws where OpenSSL fails.
[[nodiscard]] std::shared_ptr<EVP_PKEY> make_openssl_pair(jose::Algorithm algorithm);
[[nodiscard]] jose::PublicKey public_half(EVP_PKEY* pair, jose::Algorithm algorithm);
/// As OpenSSL gives it: ECDSA in DER.
[[nodiscard]] Bytes sign_by_openssl(EVP_PKEY* pair, jose::Algorithm algorithm, BytesView octets);
/// As a JWS has it.
[[nodiscard]] Bytes sign_as_jws(EVP_PKEY* pair, jose::Algorithm algorithm, BytesView octets);

}  // namespace mintmark::test
