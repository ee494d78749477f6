// Format "tdx": Intel TDX quotes (DCAP, versions 4 and 5). Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::tdx {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< Intel's SGX root.
  /// Files of Intel's PCS, told apart by what is in them: TCB info, QE identity (JSON, with their
  /// signatures), their signing chain (PEM), CRLs (DER or PEM). Empty: not evaluated.
  std::vector<Bytes> collateral;
  bool collateral_required = false;
};

/// Evidence: "quote". report_data: the binding and 32 zero octets. Errors of its check: those of
/// check.h, `evidence_member`; of its making `config_invalid` (no roots) and those of
/// read_collateral. Device: SHA-256 over "tdx " and the thumbprint of the token's key, since a TD
/// has no name of its own that lasts: another key is another device.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::tdx
