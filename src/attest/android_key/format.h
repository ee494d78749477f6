// Format "android-key": Android Key Attestation (Keymaster 2 and later, KeyMint): the certificate
// of a key in a TEE or StrongBox. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::android_key {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< Google's hardware roots.
  /// Roots of software keystores (emulators, development builds); nullptr: none is taken.
  std::shared_ptr<const x509::Trust> software;
  std::string revocation_list;  ///< Google's status list, its JSON text; "": none is looked at.
};

/// `android_revocation_list`: it cannot be read.
///
/// Evidence: {"chain": [DER, base64url, the key's own first]}, the binding as attestationChallenge.
/// Errors of check(): `evidence_member`, those of parse_key_chain and check_attestation,
/// `attested_key_mismatch`. The identity is the hex SHA-256 of the attested SubjectPublicKeyInfo:
/// Android names no device, so a new key is a new one.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::android_key
