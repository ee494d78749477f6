// Format "sev-snp": AMD SEV-SNP attestation reports. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::sev_snp {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< ARKs as roots, ASKs and ASVKs as intermediates.
};

///
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::sev_snp
