// Databases of signatures (UEFI 2.10 §32.4.1).
#pragma once

#include <optional>
#include <vector>

#include "attest/boot_record.h"
#include "base/bytes.h"

namespace mintmark::attest::eventlog {

inline constexpr std::size_t most_signatures = 8192;
inline constexpr std::size_t largest_certificate = 16U << 10U;

/// EFI_SIGNATURE_LISTs, one behind the other, to the last octet; nothing where they are malformed
/// or hold more than most_signatures. An empty database has none.
[[nodiscard]] std::optional<std::vector<SignatureEntry>> read_signatures(BytesView lists);

/// What an image was let through by: EFI_SIGNATURE_DATA (owner, then certificate or hash), or a
/// certificate alone, as shim logs its own.
[[nodiscard]] SignatureEntry read_authority(BytesView content);

}  // namespace mintmark::attest::eventlog
