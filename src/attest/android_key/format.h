// Format "android-key": Android Key Attestation (Keymaster 2 and later, KeyMint): the certificate
// of a key in a TEE or StrongBox. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::android_key {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< Google's hardware roots.
  /// Roots of software keystores (emulators, development builds); nullptr: none is taken.
  std::shared_ptr<const x509::Trust> software;
  std::string revocation_list;  ///< Google's status list, its JSON text; "": none is looked at.
};

/// `android_revocation_list`: it cannot be read.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::android_key
