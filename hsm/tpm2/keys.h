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

/// The root at 0x81000001 (TCG TPM v2.0 Provisioning Guidance §7.8); `not_found` if there is none
/// of our template.
[[nodiscard]] Result<Handle> persistent_storage_root(const Tpm& tpm);
/// The same key made anew from the owner hierarchy's seed, if that one was made to the letter.
[[nodiscard]] Result<Handle> primary_storage_root(const Tpm& tpm);
/// The persistent one, else the other.
[[nodiscard]] Result<Handle> storage_root(const Tpm& tpm);

/// A fresh key with an empty authorisation.
[[nodiscard]] Result<KeyBlobs> create_key(const Tpm& tpm, const TPM2B_PUBLIC& area);
/// `tpm_key_lost` if no storage root of this TPM opens it.
[[nodiscard]] Result<Handle> load_key_under(const Tpm& tpm, const Handle& root,
                                            const KeyBlobs& key);
/// As load_key_under, with the root that opens it.
[[nodiscard]] Result<Handle> load_key(const Tpm& tpm, const KeyBlobs& key);

}  // namespace mintmark::hsm::tpm2
