// What the TPM says under an attestation key.
#pragma once

#include "hsm/tpm2/device.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// See Device::certify.
[[nodiscard]] Result<Statement> certify_key(const Tpm& tpm, const KeyBlobs& key, const KeyBlobs& ak,
                                            BytesView qualifying_data);

/// See Device::quote.
[[nodiscard]] Result<Quote> quote_pcrs(const Tpm& tpm, const KeyBlobs& ak, const std::string& bank,
                                       const std::vector<unsigned>& selection,
                                       BytesView qualifying_data);

}  // namespace mintmark::hsm::tpm2
