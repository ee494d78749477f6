// TPM2_Quote: which PCRs were signed, and that the values given are the ones (TPM 2.0 Part
// 3, 18.4).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "attest/tpm2/structures.h"

namespace mintmark::attest::tpm2 {

struct PcrSelection {
  std::string bank;               ///< "sha256" or "sha384"
  std::vector<unsigned> indexes;  ///< 0 to 23, ascending.
};

using PcrValues = std::map<unsigned, Bytes>;

/// The quote must select exactly what was asked (`quote_selection`), the values must be of these
/// PCRs and of the bank's size (`quote_values`), and their digest under `digest_hash`, the hash of
/// the AK's signing scheme, must be the quoted one (`quote_digest`).
[[nodiscard]] Result<void> check_quoted(const TPMS_QUOTE_INFO& quoted, TPM2_ALG_ID digest_hash,
                                        const PcrSelection& asked, const PcrValues& values);

}  // namespace mintmark::attest::tpm2
