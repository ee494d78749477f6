// Format "nitro": attestation documents of AWS Nitro Enclaves and NitroTPM. Pure; thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::nitro {

/// How far a document's own time may be from the submission's, either way.
inline constexpr std::chrono::seconds most_apart = std::chrono::minutes(5);

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< AWS's root.
};

/// Evidence: {"document": COSE_Sign1, base64url}, whose nonce is the 32 octets of the binding. It
/// refuses with `nitro_…`, `certificate_…`, `cbor_…` and `cose_…` (document.h), `nitro_debug`
/// whatever the operator says, `nitro_time` for a document made more than most_apart before or
/// after. `internal` from make_format: no trust.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::nitro
