// Format "nitro": attestation documents of AWS Nitro Enclaves and NitroTPM. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::nitro {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< AWS's root.
};

/// Evidence: {"document": COSE_Sign1, base64url}, whose nonce is the 32 octets of the binding. It
/// refuses with `nitro_…`, `certificate_…`, `cbor_…` and `cose_…` (document.h), and with
/// `nitro_debug` whatever the operator says. Device: hash_fields over "nitro", who vouches
/// (x509::voucher_of) and module_id. `internal` from make_format: no trust.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::nitro
