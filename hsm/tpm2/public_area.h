// What can be read from a TPM2B_PUBLIC without a TPM. Pure.
#pragma once

#include "base/bytes.h"
#include "jose/key.h"

namespace mintmark::hsm::tpm2 {

/// nameAlg || digest of the TPMT_PUBLIC (TPM 2.0 Part 1 §16). `invalid_argument` if it is none or
/// hashed by an algorithm not known here (SHA-256 and SHA-384 are).
[[nodiscard]] Result<Bytes> name_of_public(BytesView tpm2b_public);

/// The public key of an ECC P-256 area; `invalid_argument` for anything else.
[[nodiscard]] Result<jose::PublicKey> key_of_public(BytesView tpm2b_public);

}  // namespace mintmark::hsm::tpm2
