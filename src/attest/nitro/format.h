// Format "nitro": attestation documents of AWS Nitro Enclaves and NitroTPM. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::nitro {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< AWS's root.
};

///
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::nitro
