// What an EK certificate says of its key, against what the TPM says. Pure.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.h"

namespace mintmark::hsm::tpm2 {

/// How many octets the DER element at the beginning takes, its header included; 0 if there is no
/// SEQUENCE.
[[nodiscard]] std::size_t der_length(BytesView octets);

/// Success if the certificate's key is this one; else `tpm_ek_mismatch`.
[[nodiscard]] Result<void> same_key(BytesView certificate_der, const TPMT_PUBLIC& area);

}  // namespace mintmark::hsm::tpm2
