// Moduli that a flawed library made (CVE-2017-15361, "ROCA"): their private keys can be computed.
#pragma once

#include "base/bytes.h"

namespace mintmark::jose {

/// Whether the modulus (big-endian) has the structure of Infineon's RSALib, as TPMs, cards and
/// tokens of 2012 to 2017 have it: modulo each of certain small primes it is a power of 65537
/// (Nemec et al., CCS 2017, §3.1). One sound modulus in 240 million has it too.
[[nodiscard]] bool has_roca_structure(BytesView modulus);

}  // namespace mintmark::jose
