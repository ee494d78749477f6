// TPM structures in words, as a judgement's facts have them. For this folder alone.
#pragma once

#include <string>

#include "attest/tpm2/structures.h"
#include "base/json.h"

namespace mintmark::attest::offline {

[[nodiscard]] std::string attributes_text(TPMA_OBJECT attributes);  ///< "0x00050072"
[[nodiscard]] std::string bank_name(TPM2_ALG_ID id);  ///< "sha256"; hexadecimal where unknown.
/// Every field that a verifier may want to compare, octets as hexadecimal.
[[nodiscard]] Json attest_json(const TPMS_ATTEST& attest);
/// Statement types (Part 2, 6.9) by their command: "TPM2_Quote".
[[nodiscard]] std::string command_of(TPM2_ST type);

}  // namespace mintmark::attest::offline
