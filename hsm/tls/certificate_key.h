// Which key of a store a TLS certificate belongs to. Pure.
#pragma once

#include <vector>

#include "hsm/key_store.h"

namespace mintmark::hsm::tls {

/// The public key of a certificate whose private half may live in a key store: ECDSA with P-256 or
/// P-384, given as SubjectPublicKeyInfo (DER). `tls_certificate_unusable` otherwise.
[[nodiscard]] Result<jose::PublicKey> certificate_key(BytesView spki);

/// ES256 and ES384: what TLS 1.3 calls ecdsa_secp256r1_sha256 and ecdsa_secp384r1_sha384.
[[nodiscard]] bool serves_tls(jose::Algorithm algorithm);

/// Among the keys of a store, the one of purpose `tls` that has this public half.
/// `tls_key_missing` says what was looked for and how to come by a key, `hsm_key_unfit` why the one
/// that was found may not sign. `store` is the store's name, for the message.
[[nodiscard]] Result<KeyInfo> find_key(const std::vector<KeyInfo>& keys,
                                       const jose::PublicKey& wanted, const std::string& store);

}  // namespace mintmark::hsm::tls
