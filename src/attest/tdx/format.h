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

///
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::tdx
