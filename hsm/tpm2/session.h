// Sessions of the issuer's store: what is said on the way to the TPM is authenticated and, where a
// command has a place for it, encrypted.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "base/secret.h"
#include "hsm/tpm2/handles.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// A session of that kind whose key comes from a salt encrypted to `root` (TPM 2.0 Part 1, 19.6):
/// who reads the bus cannot compute it, and who writes on the bus cannot forge a command or an
/// answer that is covered by it. HMAC-SHA256; the first parameter each way is encrypted with
/// AES-128-CFB where the command allows (Part 1, 21). Ends with its handle, not with its use.
[[nodiscard]] Result<Handle> start_salted_session(const Tpm& tpm, const Handle& root, TPM2_SE kind);

/// Of two sessions of one command only one may encrypt: this one will not.
[[nodiscard]] Result<void> authorize_only(const Tpm& tpm, const Handle& session);

/// As Tpm::has, by an answer that carries the session's HMAC.
[[nodiscard]] Result<bool> surely_has(const Tpm& tpm, const Handle& session, std::uint32_t handle);

/// The authorisation value that this process will prove, by HMAC, to hold for that object, index or
/// hierarchy (ESYS_TR). ESAPI keeps a copy in memory of its own for as long as the handle lives.
[[nodiscard]] Result<void> set_auth(const Tpm& tpm, std::uint32_t object, const Secret& auth);

/// True if the TPM said that an authorisation value is wrong.
[[nodiscard]] bool is_wrong_auth(std::uint32_t rc);

}  // namespace mintmark::hsm::tpm2
