// An AK certificate: somebody's word that an attestation key is in a TPM, for those who cannot ask
// it (TCG EK Credential Profile for TPM 2.0; OID tcg-kp-AIKCertificate, 2.23.133.8.3).
#pragma once

#include "attest/tpm2/key_evidence.h"

namespace mintmark::attest::evidence {

/// `facts` of kind "tpm2-certify" have "ak_certificate", and perhaps "ak_chain" (DER, base64url):
/// the certificate is of the verdict's AK, for that use, and leads to a root.
/// `evidence_ak_certificate` says what is wrong.
[[nodiscard]] Result<void> check_ak_certificate(const Json& facts, const tpm2::KeyVerdict& verdict,
                                                const tpm2::EkTrust& roots, Moment now);

}  // namespace mintmark::attest::evidence
