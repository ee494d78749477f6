// Which app evidence is of. For this folder alone.
#pragma once

#include "attest/apple_appattest/attestation.h"

namespace mintmark::attest::apple_appattest {

/// The expected app whose hash it is; "" where none was expected. `appattest_app_id`.
[[nodiscard]] Result<std::string> app_of(const Sha256& rp_id_hash, const Expected& expected);

}  // namespace mintmark::attest::apple_appattest
