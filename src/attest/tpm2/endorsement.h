// The EK certificate: a manufacturer's word that a key is a genuine TPM's (TCG EK Credential
// Profile 2.5, 3.2).
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <vector>

#include "attest/tpm2/trust.h"
#include "attest/x509/chain.h"
#include "base/bytes.h"
#include "base/time.h"

namespace mintmark::attest::tpm2 {

enum class EkKind : std::uint8_t { rsa2048, rsa3072, rsa4096, ecc_p256, ecc_p384 };
[[nodiscard]] inline bool is_rsa(EkKind kind) { return kind <= EkKind::rsa4096; }

/// What a checked EK certificate says.
struct Endorsement {
  EkKind kind{};
  Bytes spki;  ///< SubjectPublicKeyInfo, DER: identifies the TPM.
  std::shared_ptr<const EVP_PKEY> key;
  std::string certificate;  ///< hex SHA-256 of the DER.
  std::string issuer;       ///< RFC 4514
  std::string serial;       ///< Hexadecimal, as a platform certificate's holder names it.
  x509::Chain chain;        ///< Standing "review": all was checked, and nobody trusted vouches yet.
  std::string manufacturer;  ///< "id:53544D20" (TCG attribute 2.23.133.2.1)
  std::string model;
  std::string version;
};

/// Checks the certificate at the moment `now`. `der` may be padded as NV indexes are
/// (STMicroelectronics fills with 0xFF); `chain` are certificates the device offers: they help to
/// reach a root and are trusted for nothing. An authority whose certificate has expired still
/// vouches for EKs that it signed in its life (docs/adr/0020).
///
/// Errors: `ek_certificate_malformed`, `ek_untrusted_root` (names the issuer that no root vouches
/// for), `ek_root_refused`, `ek_expired`, `ek_not_yet_valid`, `ek_signature`, `ek_chain_invalid`,
/// `ek_revoked`, `ek_crl`, `ek_unhandled_critical`, `ek_is_ca`, `ek_key_usage`, `ek_eku`,
/// `ek_policies`, `ek_names_missing`, `ek_key_unsupported`.
[[nodiscard]] Result<Endorsement> check_endorsement(BytesView der, const std::vector<Bytes>& chain,
                                                    const EkTrust& trust, Moment now);

}  // namespace mintmark::attest::tpm2
