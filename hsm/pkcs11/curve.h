// The curves our keys may be on: one row each, so that another algorithm is another row.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/bytes.h"
#include "hsm/pkcs11/cryptoki.h"
#include "jose/key.h"

namespace mintmark::hsm::pkcs11 {

struct Curve {
  jose::Algorithm algorithm;
  BytesView params;    ///< CKA_EC_PARAMS: the named curve's OID, DER (RFC 5480 §2.1.1.1).
  std::size_t field;   ///< Octets of a coordinate; a signature r || s has twice as many.
  const char* digest;  ///< OpenSSL's name of the hash of its algorithm (RFC 7518 §3.4).

  [[nodiscard]] std::size_t signature_octets() const { return 2 * field; }
};

[[nodiscard]] const Curve& curve_of(jose::Algorithm algorithm);

/// From CKA_EC_PARAMS and CKA_EC_POINT. The point may be a DER OCTET STRING, as PKCS #11 v2.40
/// §2.3.3 says, or bare, as some modules give it. `jwk_unsupported` for another curve,
/// `key_off_curve` for no point of it.
[[nodiscard]] Result<jose::PublicKey> public_key_of(BytesView params, BytesView point);

/// The hash that CKM_ECDSA signs for this algorithm.
[[nodiscard]] Result<Bytes> digest_of(jose::Algorithm algorithm, std::string_view text);

}  // namespace mintmark::hsm::pkcs11
