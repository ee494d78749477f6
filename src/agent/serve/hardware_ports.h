// A TPM and a secure element whose calls are made on the thread of Hardware.
#pragma once

#include "agent/serve/hardware.h"

namespace mintmark::agent::serve {

/// Opened within the first call, which says what cannot be opened: a signature is one place in the
/// line. `hardware` must outlive it.
[[nodiscard]] Result<std::unique_ptr<hsm::tpm2::Device>> device_through(Hardware& hardware,
                                                                        Standing standing,
                                                                        const std::string& tcti);
/// Where that element's token is not known yet, it is asked for at once.
[[nodiscard]] Result<std::unique_ptr<hsm::pkcs11::SecureElement>> element_through(
    Hardware& hardware, Standing standing, const std::string& uri, const std::string& pin_memory);

}  // namespace mintmark::agent::serve
