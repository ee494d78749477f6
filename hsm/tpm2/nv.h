// Reading NV indexes.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// The whole content, read with the index's own empty authorisation, or the owner's where the index
/// does not allow that. `not_found` if there is no such index.
[[nodiscard]] Result<Bytes> read_nv(const Tpm& tpm, std::uint32_t index);

}  // namespace mintmark::hsm::tpm2
