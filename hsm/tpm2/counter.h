// NV counters of the issuer's keys: one a key, incremented when the key is destroyed.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <cstdint>

#include "base/bytes.h"
#include "base/secret.h"
#include "hsm/key_store.h"
#include "hsm/tpm2/handles.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// Ours lie within these 65,536 indexes of the owner's range (TCG Registry of Reserved TPM 2.0
/// Handles §2.2.1: 0x01800000 to 0x01BFFFFF).
inline constexpr std::uint32_t first_counter_index = 0x01A40000;
inline constexpr std::uint32_t counter_indexes = 0x10000;
/// Where the counter of that key is looked for first: the id's first two octets. `nth`: the one
/// after so many that were taken.
[[nodiscard]] std::uint32_t counter_index_for(const KeyId& id, std::uint32_t nth);

/// TPM2_NT_COUNTER, read and incremented with its own authorisation alone (neither by the owner nor
/// by a policy), without dictionary-attack protection, deletable by the owner (Part 2, 13.4).
[[nodiscard]] TPM2B_NV_PUBLIC counter_area(std::uint32_t index);
/// Its Name once it has been written (Part 1, 16): what PolicyNV binds a key to.
[[nodiscard]] Bytes counter_name(std::uint32_t index);

/// How the calls below reach the TPM.
struct CounterAccess {
  const Tpm& tpm;
  const Handle& session;  ///< HMAC.
  const Secret& auth;     ///< The store's own.
  const Secret& owner;    ///< The owner hierarchy's, to define and to delete.
};

/// `not_found` where no such index is defined, or one that is not of counter_area(): another
/// program's.
[[nodiscard]] Result<Handle> open_counter(const CounterAccess& access, std::uint32_t index);

/// Defines the counter and increments it once, which gives it its first value: one more than any
/// counter that was ever deleted from this TPM had (Part 3, 31.2 and 31.8; libtpms looks at deleted
/// ones alone). So an index that is defined again never has a value again that it had before, who
/// ever deleted it. The value. `hsm_key_exists` where the index is taken, `hsm_nv_full`,
/// `hsm_owner_refused`.
[[nodiscard]] Result<std::uint64_t> make_counter(const CounterAccess& access, std::uint32_t index);

/// `hsm_pin_refused` if it has another authorisation than ours.
[[nodiscard]] Result<std::uint64_t> read_counter(const CounterAccess& access,
                                                 const Handle& counter);

/// An error is what anybody on the bus can make up, and one spoilt answer is enough to have many:
/// success only where answers with the session's HMAC say that the index is not there or another
/// program's, or where the TPM refuses our authorisation of it and nothing else. Else
/// `hsm_answer_forged`.
[[nodiscard]] Result<void> check_none_of_ours(const CounterAccess& access, std::uint32_t index);

/// Increments it, which ends the key for good, then gives its place back. Success too where it is
/// not there any more, or is another program's (check_none_of_ours): this can be done again after
/// it broke off anywhere.
[[nodiscard]] Result<void> end_counter(const CounterAccess& access, std::uint32_t index);

}  // namespace mintmark::hsm::tpm2
