// What a PKCS#11 module says of a key: a claim, worth as much as the module and whoever runs it.
#pragma once

#include <string_view>

#include "base/json.h"

namespace mintmark::attest::evidence {

/// `facts` of kind "pkcs11-attributes" say that the key `kid` was made in the token and never left
/// it: CKA_LOCAL, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE true,
/// CKA_EXTRACTABLE false (PKCS#11 2.40, 4.9). Gives "MODEL by MANUFACTURER, serial S", for people.
/// `evidence_malformed`, `evidence_kid`, `evidence_attribute`.
[[nodiscard]] Result<std::string> check_module_claim(const Json& facts, std::string_view kid);

}  // namespace mintmark::attest::evidence
