// The one door to Cryptoki (PKCS #11 v2.40). Of p11-kit we take the header alone; its library is
// not linked.
#pragma once

#include <p11-kit/pkcs11.h>

#include "base/bytes.h"

namespace mintmark::hsm::pkcs11 {

/// Cryptoki's signatures have no const, also where the standard says that the module only reads.
[[nodiscard]] inline CK_BYTE* for_reading(BytesView bytes) {
  return const_cast<CK_BYTE*>(bytes.data());
}

}  // namespace mintmark::hsm::pkcs11
