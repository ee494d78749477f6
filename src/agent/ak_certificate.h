// The certificate that an attestation authority gave for an AK: where the device has it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// DER each.
struct AkCertificate {
  Bytes certificate;
  std::vector<Bytes> chain;  ///< What helps to reach the authority's root; mostly nothing.
};

/// `place`: "nv:0x01C101D0", an NV index of the TPM; or a file: DER, or PEM with the AK's
/// certificate first and its chain behind it. `not_found`, `io_failed`; `ak_certificate_malformed`.
[[nodiscard]] Result<AkCertificate> read_ak_certificate(hsm::tpm2::Device& device,
                                                        const std::string& place);

/// Whether the place is an NV index; of no file.
[[nodiscard]] bool is_nv_place(std::string_view place);
/// "nv:0x01C101D0", "0x81000003": `invalid_argument` that says what would be right.
[[nodiscard]] Result<std::uint32_t> nv_index_in(std::string_view place);
[[nodiscard]] Result<std::uint32_t> persistent_handle_in(std::string_view text);

}  // namespace mintmark::agent
