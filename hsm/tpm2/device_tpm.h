// A TPM 2.0 over tss2's ESAPI.
#pragma once

#include <memory>
#include <string>

#include "hsm/tpm2/device.h"

namespace mintmark::hsm::tpm2 {

/// Connects by a TCTI text as tss2-tctildr takes it ("device:/dev/tpmrm0", "swtpm:path=…",
/// "swtpm:host=…,port=…", "tabrmd:…"); "": /dev/tpmrm0, else /dev/tpm0. `tpm_unavailable` says
/// which were tried.
///
/// Where no resource manager stands in between (swtpm, /dev/tpm0) the connection shuts others out
/// while the object lives.
[[nodiscard]] Result<std::unique_ptr<Device>> open_device(const std::string& tcti);

}  // namespace mintmark::hsm::tpm2
