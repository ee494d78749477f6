// What the TPM says under an attestation key.
#pragma once

#include "hsm/tpm2/device.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// See Device::public_area.
[[nodiscard]] Result<Bytes> persistent_public_area(const Tpm& tpm, const PersistentKey& key);

/// See Device::certify.
[[nodiscard]] Result<Statement> certify_key(const Tpm& tpm, const KeyBlobs& key,
                                            const AttestationKey& ak, BytesView qualifying_data);

/// See Device::quote.
[[nodiscard]] Result<Quote> quote_pcrs(const Tpm& tpm, const AttestationKey& ak,
                                       const std::string& bank,
                                       const std::vector<unsigned>& selection,
                                       BytesView qualifying_data);

/// The PCRs' values as they are; nobody signs for them. `tpm_pcr_bank_missing`.
[[nodiscard]] Result<std::map<unsigned, Bytes>> read_pcr_values(
    const Tpm& tpm, const std::string& bank, const std::vector<unsigned>& selection);

}  // namespace mintmark::hsm::tpm2
