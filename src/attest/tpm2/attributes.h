// What a key's attributes must be, each with a refusal of its own. For this folder alone.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "base/error.h"

namespace mintmark::attest::tpm2 {

/// An attribute that a key must have, or must not (TPM 2.0 Part 2, 8.3).
struct AttributeRule {
  TPMA_OBJECT bit;
  bool wanted;
  Code code;
  const char* what;
};

/// By the rules in their order: the first that is broken.
template <typename Rules>
[[nodiscard]] Result<void> check_attributes(TPMA_OBJECT attributes, const Rules& rules) {
  for (const AttributeRule& rule : rules) {
    if (((attributes & rule.bit) != 0) != rule.wanted) return fail(rule.code, rule.what);
  }
  return {};
}

}  // namespace mintmark::attest::tpm2
