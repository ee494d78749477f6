// Public keys of any kind a token shows, as SubjectPublicKeyInfo: wider than the keys we sign with.
#pragma once

#include <string>

#include "base/bytes.h"

namespace mintmark::hsm::pkcs11 {

struct PublicKeyFacts {
  Bytes spki;         ///< DER (RFC 5280 §4.1.2.7); empty for a curve that OpenSSL does not know.
  std::string curve;  ///< "P-256" (NIST's name), OpenSSL's, or "".
  unsigned bits = 0;
};

/// From CKA_MODULUS and CKA_PUBLIC_EXPONENT; what is no RSA key gives empty facts.
[[nodiscard]] PublicKeyFacts rsa_facts(BytesView modulus, BytesView exponent);
/// From CKA_EC_PARAMS and CKA_EC_POINT (an OCTET STRING, or bare); `point` may be empty. Edwards
/// and Montgomery keys too: their curve is an OID (RFC 8410) or a PrintableString (PKCS#11 v3.0
/// §6.3.5).
[[nodiscard]] PublicKeyFacts ec_facts(BytesView params, BytesView point);

}  // namespace mintmark::hsm::pkcs11
