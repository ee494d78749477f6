// What a TPM says of one of an issuer's keys, for anybody to check (attest/tpm2/key_evidence.h
// does).
#pragma once

#include <string>

#include "hsm/evidence_activation.h"
#include "hsm/tpm2/issuer_keys.h"

namespace mintmark::hsm::tpm2 {

struct EvidenceOf {
  const std::string& issuer;
  const jose::PublicKey& key;
  SigningKey signing;
  const KeyBlobs& ak;
};

/// kind "tpm2-certify". Octets are base64url; every statement's extraData is
///
///   SHA-256 over "mintmark key evidence v1", issuer, kid; each preceded by its length (u32,
///   big-endian), as attest/tpm2/binding.h has it
///
///   kid                  the key's thumbprint
///   issuer               the URL that the statements are bound to
///   public               TPM2B_PUBLIC of the key: its attributes and its policy
///   ak_public            TPM2B_PUBLIC of the attestation key
///   certify              {attest, signature}: TPM2_Certify of the key by the AK
///   counter              {index, value, certify}: the NV counter that the key's policy names, and
///                        TPM2_NV_Certify of what it holds now
///   boot                 {authority}, where the key demands a boot state: TPM2B_PUBLIC of who
///                        approves it
///   ek                   [{nv_index, certificate}]: the EK certificates that the TPM holds, DER
///   ek_chain             [certificate]: what its manufacturer stored beside them
///
/// `hsm_key_ended`: nothing is said of a key that no longer signs.
[[nodiscard]] Result<KeyEvidence> key_evidence(const Tpm& tpm, const Engagement& with,
                                               const Secret& auth, const EvidenceOf& of);

/// See EvidenceActivation.
[[nodiscard]] Result<Secret> activate_ak(const Tpm& tpm, const Engagement& with, const Secret& auth,
                                         const KeyBlobs& ak, const SealedCredential& credential);

}  // namespace mintmark::hsm::tpm2
