// Attestation keys: of devices, and of an issuer's key store.
#pragma once

#include "attest/tpm2/structures.h"

namespace mintmark::attest::tpm2 {

/// Restricted and signing, fixed to its TPM and its parent, made by the TPM; ECC P-256 or P-384
/// with ECDSA over SHA-256 or SHA-384, or RSA of 2048 to 4096 bits with RSASSA or RSAPSS.
/// `ak_type`, `ak_scheme`, `ak_not_restricted`, `ak_not_signing`, `ak_decrypts`,
/// `ak_not_fixed_tpm`, `ak_not_fixed_parent`, `ak_imported`.
[[nodiscard]] Result<void> check_attestation_key(const TPMT_PUBLIC& ak);

/// What a kind of statement is refused with: not made by a TPM, of another type, not bound.
struct StatementCodes {
  Code magic;
  Code type;
  Code binding;
};
inline constexpr StatementCodes certify_codes{Code::certify_magic, Code::certify_type,
                                              Code::certify_binding};
inline constexpr StatementCodes quote_codes{Code::quote_magic, Code::quote_type,
                                            Code::quote_binding};
inline constexpr StatementCodes creation_codes{Code::creation_magic, Code::creation_type,
                                               Code::creation_binding};

/// One TPMS_ATTEST: made by a TPM, of that type, bound to those octets (extraData). Believe it only
/// after check_signed. `what` names it in messages. `tpm_structure`, and those of
/// `codes`.
[[nodiscard]] Result<TPMS_ATTEST> read_statement(BytesView attest, TPM2_ST type, BytesView binding,
                                                 const char* what,
                                                 const StatementCodes& codes = certify_codes);
/// What TPM2_CertifyCreation said (Part 3, 18.3) is of the object of that Name, and of just this
/// creation data. `creation_name`, `creation_hash`.
[[nodiscard]] Result<void> check_creation(const TPMS_CREATION_INFO& said, const Bytes& object_name,
                                          const CreationData& creation);
/// The statement's TPMT_SIGNATURE is the AK's. `tpm_structure`, `signature_scheme`,
/// `signature_hash`, `signature_invalid`.
[[nodiscard]] Result<void> check_signed(const TPMT_PUBLIC& ak, BytesView attest,
                                        BytesView signature, const char* what);

}  // namespace mintmark::attest::tpm2
