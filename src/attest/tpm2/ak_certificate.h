// The certificate of an attestation key, by an authority that saw to it that the key is a TPM's: a
// cloud's, or the AK of a platform's maker (TCG TPM 2.0 Keys for Device Identity and Attestation:
// IAK). It stands in the place of credential activation.
#pragma once

#include "attest/tpm2/ek_profile.h"
#include "attest/tpm2/signature.h"

namespace mintmark::attest::tpm2 {

struct AkCertificate {
  Bytes spki;  ///< SubjectPublicKeyInfo, DER: identifies the device.
  PublicKey key;
  std::string certificate;  ///< hex SHA-256 of the DER.
  std::string subject;      ///< RFC 4514
  x509::Chain chain;
  std::optional<TpmNames> names;  ///< Where it gives them.
};

/// As check_endorsement, for an AK. An authority whose certificate has expired vouches no more: it
/// could give another.
///
/// Errors: `ak_certificate_malformed`, `ak_untrusted_root`, `certificate_expired`,
/// `certificate_not_yet_valid`, `certificate_signature`, `certificate_chain_invalid`,
/// `certificate_unhandled_critical`, `certificate_revoked`, `certificate_key_unsupported`,
/// `ak_certificate_is_ca`, `ak_certificate_usage`.
[[nodiscard]] Result<AkCertificate> check_ak_certificate(BytesView der,
                                                         const std::vector<Bytes>& chain,
                                                         const x509::Trust& trust, Moment now);

/// The certified key is that of this public area; `ak_certificate_key`.
[[nodiscard]] Result<void> check_certified_key(const AkCertificate& certificate,
                                               const TPMT_PUBLIC& ak);

/// Whether both are one key, whatever type their encodings name (RSA and RSASSA-PSS).
[[nodiscard]] bool same_key(const EVP_PKEY* one, const EVP_PKEY* other);

}  // namespace mintmark::attest::tpm2
