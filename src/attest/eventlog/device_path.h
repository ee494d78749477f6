// Device paths as text (UEFI 2.10 §10.3, §10.6): the nodes that boot devices have; others by
// number.
#pragma once

#include <string>

#include "base/bytes.h"

namespace mintmark::attest::eventlog {

/// "PciRoot(0x0)/Pci(0x3,0x0)/\\EFI\\BOOT\\BOOTX64.EFI"; what is malformed ends the text with
/// "...". Printable, bounded.
[[nodiscard]] std::string device_path_text(BytesView path);

/// Of UEFI_IMAGE_LOAD_EVENT (TCG PC Client PFP §10.2.3): its device path; "" where it has none.
[[nodiscard]] std::string image_path(BytesView image_load_event);

}  // namespace mintmark::attest::eventlog
