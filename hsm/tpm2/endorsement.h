// The endorsement key: its certificate, the key itself, and what only it can open.
#pragma once

#include "hsm/tpm2/device.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// See Device::ek_certificate.
[[nodiscard]] Result<EkCertificate> find_ek_certificate(const Tpm& tpm,
                                                        std::optional<EkKind> wanted);

/// See Device::activate_credential.
[[nodiscard]] Result<Secret> open_credential(const Tpm& tpm, const EkCertificate& ek,
                                             const KeyBlobs& ak, BytesView credential_blob,
                                             BytesView encrypted_secret);

}  // namespace mintmark::hsm::tpm2
