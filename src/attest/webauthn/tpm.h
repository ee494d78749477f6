// The TPM structures of a statement of format "tpm" (WebAuthn Level 3 §8.3). Pure; thread-safe.
#pragma once

#include "attest/tpm2/structures.h"
#include "cbor/cbor.h"

namespace mintmark::attest::webauthn {

struct TpmStatement {
  BytesView certify;  ///< TPMS_ATTEST; lives as long as the statement.
  tpm2::PublicArea area;
};

/// "ver", "certInfo" and "pubArea". `webauthn_statement`, `webauthn_tpm_structure`.
[[nodiscard]] Result<TpmStatement> read_tpm(const cbor::Value& statement);

}  // namespace mintmark::attest::webauthn
