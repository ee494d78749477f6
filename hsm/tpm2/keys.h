// Keys under the storage root: made, loaded, used to sign.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "hsm/tpm2/device.h"
#include "hsm/tpm2/handles.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// CreatePrimary in a hierarchy with an empty authorisation (ESYS_TR_RH_OWNER,
/// ESYS_TR_RH_ENDORSEMENT).
[[nodiscard]] Result<Handle> create_primary(const Tpm& tpm, std::uint32_t hierarchy,
                                            const TPM2B_PUBLIC& area);

/// A persistent object, if one is there; else `not_found`.
[[nodiscard]] Result<Handle> open_persistent(const Tpm& tpm, std::uint32_t handle);
[[nodiscard]] Result<TPM2B_PUBLIC> read_public(const Tpm& tpm, const Handle& object);

/// A fresh key with an empty authorisation.
[[nodiscard]] Result<KeyBlobs> create_key(const Tpm& tpm, const TPM2B_PUBLIC& area);
/// `tpm_key_lost` if no storage root of this TPM opens it.
[[nodiscard]] Result<Handle> load_key(const Tpm& tpm, const KeyBlobs& key);

}  // namespace mintmark::hsm::tpm2
