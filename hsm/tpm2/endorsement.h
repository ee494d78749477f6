// The endorsement key: its certificate, the key itself, and what only it can open.
#pragma once

#include "hsm/tpm2/device.h"
#include "hsm/tpm2/handles.h"
#include "hsm/tpm2/tpm.h"

namespace mintmark::hsm::tpm2 {

/// The certificate (DER, without padding) in an NV index. `not_found`; `refusal` if it holds none.
[[nodiscard]] Result<Bytes> read_certificate_at(const Tpm& tpm, std::uint32_t nv_index,
                                                Code refusal);

/// See Device::ek_certificate.
[[nodiscard]] Result<EkCertificate> find_ek_certificate(const Tpm& tpm,
                                                        std::optional<EkKind> wanted);

/// All that are there, in the order of preference; none is no error.
[[nodiscard]] Result<std::vector<EkCertificate>> all_ek_certificates(const Tpm& tpm);
/// What the manufacturer stored at 0x01C00100 to 0x01C001FF to help reach a root; mostly nothing.
[[nodiscard]] Result<std::vector<Bytes>> ek_certificate_chain(const Tpm& tpm);

/// See Device::activate_credential.
[[nodiscard]] Result<Secret> open_credential(const Tpm& tpm, const EkCertificate& ek,
                                             const KeyBlobs& ak, BytesView credential_blob,
                                             BytesView encrypted_secret);
/// As above, of an AK that is loaded; `ak_session` (ESYS_TR) authorises it.
[[nodiscard]] Result<Secret> open_credential(const Tpm& tpm, const EkCertificate& ek,
                                             const Handle& ak, std::uint32_t ak_session,
                                             BytesView credential_blob, BytesView encrypted_secret);

}  // namespace mintmark::hsm::tpm2
