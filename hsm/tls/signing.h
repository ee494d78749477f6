// One signature of a held key, waited for.
#pragma once

#include "hsm/tls/key.h"

namespace mintmark::hsm::tls {

/// Asks the signer for a signature over `message` and waits. DER, as OpenSSL has it. Errors are the
/// signer's, or `deadline_passed`.
[[nodiscard]] Result<Bytes> sign_and_wait(const HeldKey& key, std::string message);

}  // namespace mintmark::hsm::tls
