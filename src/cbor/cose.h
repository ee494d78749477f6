// COSE (RFC 9052, 9053): COSE_Sign1 and COSE_Key, as far as attesters and status lists use them.
// Pure; thread-safe.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "cbor/cbor.h"
#include "jose/key.h"

namespace mintmark::cbor {

/// Labels of RFC 9053 and the IANA registry.
enum class CoseAlgorithm : std::int64_t {
  es256 = -7,
  eddsa = -8,
  es384 = -35,
  es512 = -36,
  ps256 = -37,
  ps384 = -38,
  rs256 = -257,
  rs384 = -258,
  rs512 = -259,
  rs1 = -65535  ///< RSASSA with SHA-1: old TPMs in WebAuthn; refused unless named.
};

/// A COSE_Sign1 whose signature nobody has checked.
struct Sign1 {
  bool tagged = false;     ///< It came with COSE_Sign1's tag (18).
  Bytes protected_header;  ///< As it was signed.
  std::int64_t algorithm = 0;
  Bytes kid;  ///< Protected, else unprotected; may be empty.
  Bytes payload;
  Bytes signature;
};

/// Tagged (18) or not. `cose_malformed`, `cose_crit_unknown`, `cose_alg_refused` where the
/// algorithm does not stand in the protected header; errors of cbor::parse.
[[nodiscard]] Result<Sign1> parse_sign1(BytesView octets, std::size_t most = longest);

/// The number of a JWS algorithm whose signatures are the same octets (RFC 9053 §2, RFC 8812 §2).
/// Of ES256 and ES384 we name the numbers that leave the curve to the key, of Ed25519 EdDSA's:
/// those that libraries know.
[[nodiscard]] CoseAlgorithm cose_algorithm(jose::Algorithm algorithm);
/// Likewise by a key of ours, which is for one algorithm: `cose_alg_refused` where the header names
/// another, `cose_signature`.
[[nodiscard]] Result<void> check_sign1(const Sign1& message, const jose::PublicKey& key);

/// What is to be signed, for one who has to judge it before signing.
struct SigStructure {
  Bytes protected_header;
  Bytes payload;
};
/// ["Signature1", protected, no external data, payload] (RFC 9052 §4.4). `cose_malformed`; errors
/// of cbor::parse.
[[nodiscard]] Result<SigStructure> parse_sig_structure(BytesView octets,
                                                       std::size_t most = longest);

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

/// A signature as COSE and WebAuthn have it. `raw`: ECDSA as r || s (COSE) and not DER (WebAuthn).
/// `cose_alg_refused` (not one of CoseAlgorithm, or no algorithm for that key), `cose_signature`.
/// RS1 is taken here: callers decide.
[[nodiscard]] Result<void> check_signature(std::int64_t algorithm, EVP_PKEY* key,
                                           BytesView signed_octets, BytesView signature, bool raw);
/// Over Sig_structure "Signature1" without external data (RFC 9052 §4.4).
[[nodiscard]] Result<void> check_sign1(const Sign1& message, EVP_PKEY* key);

/// COSE_Key: EC2 on P-256, P-384 and P-521, OKP Ed25519, RSA of 2048 to 4096 bits.
struct CoseKey {
  std::int64_t type = 0;       ///< 2: EC2, 1: OKP, 3: RSA.
  std::int64_t algorithm = 0;  ///< 0 where it names none.
  Key key;
};
/// `cose_key_malformed` (also a point off its curve).
[[nodiscard]] Result<CoseKey> parse_key(const Value& value);
/// SubjectPublicKeyInfo, DER.
[[nodiscard]] Bytes spki_of(const EVP_PKEY* key);

}  // namespace mintmark::cbor
