// The public templates of the keys we make, each from its standard.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <cstdint>
#include <optional>

namespace mintmark::hsm::tpm2 {

/// TCG TPM v2.0 Provisioning Guidance §7.5.1: ECC P-256 storage root.
[[nodiscard]] TPM2B_PUBLIC storage_root_template();
/// ECC P-256, restricted signing by ECDSA-SHA256.
[[nodiscard]] TPM2B_PUBLIC attestation_key_template();
/// ECC P-256, signing by ECDSA-SHA256.
[[nodiscard]] TPM2B_PUBLIC device_key_template();

/// How an EK of a default template is authorised (TCG EK Credential Profile 2.5, B.3 and B.4).
enum class EkAuthorization : std::uint8_t {
  policy_secret,  ///< Low range: PolicyA, TPM2_PolicySecret with the endorsement hierarchy.
  empty_auth,     ///< High range: userWithAuth is set and the authorisation value is empty.
};

/// One default EK: where its certificate is stored and where the key itself may persist (TCG TPM
/// v2.0 Provisioning Guidance §7.8).
struct EkTemplate {
  std::uint32_t nv_index;
  std::uint32_t persistent;
  EkAuthorization authorization;
  TPM2B_PUBLIC area;
};
/// By the certificate's NV index: 0x01C00002 (L-1), 0x01C0000A (L-2), 0x01C00012 (H-1), 0x01C00014
/// (H-2), 0x01C00016 (H-3).
[[nodiscard]] std::optional<EkTemplate> ek_template_of(std::uint32_t nv_index);

/// Equal in all but the key itself (`unique`).
[[nodiscard]] bool same_template(const TPMT_PUBLIC& left, const TPMT_PUBLIC& right);

}  // namespace mintmark::hsm::tpm2
