// What must hold before an issuer's key signs (TPM 2.0 Part 1, 19.7).
//
//   PolicyAuthorize(an authority)                            where a boot state is demanded: a
//                                                            PolicyPCR that the authority signed
//                                                            for
//   PolicyNV(its own counter == the value at its birth)      so that a restored blob signs no more
//   PolicyAuthValue                                          so that signing takes the PIN
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace mintmark::hsm::tpm2 {

/// Of a key whose counter has that index had that value when the key was made.
struct KeyPolicy {
  std::uint32_t counter_index = 0;
  std::uint64_t counter_value = 0;
  Bytes boot_authority =
      {};  ///< Name of who approves boot states (boot_policy.h); empty: any will do.
};

/// The counter's value as PolicyNV compares it: eight octets, big-endian.
[[nodiscard]] Bytes operand_of(const KeyPolicy& policy);

/// The key's authPolicy, computed here and not asked of the TPM: SHA-256 (Part 3, 23.16
/// TPM2_PolicyAuthorize, which begins anew, 23.9 TPM2_PolicyNV, 23.17 TPM2_PolicyAuthValue).
[[nodiscard]] Sha256 digest_of(const KeyPolicy& policy);

}  // namespace mintmark::hsm::tpm2
