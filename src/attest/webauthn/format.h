// Format "webauthn": WebAuthn Level 3 attestation objects. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::webauthn {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< Roots of authenticators' makers.
  std::vector<std::string> rp_ids;           ///< At least one.
  std::vector<std::string> origins;          ///< At least one, as clientDataJSON has them.
  bool sha1 = false;                         ///< Takes RS1 of old TPMs, by name.
  bool self = false;  ///< Takes self attestation: proves nothing of hardware.
  std::string mds;    ///< A FIDO MDS3 blob, JWS text; "": none.
  std::shared_ptr<const x509::Trust> mds_trust;  ///< Of who signed it; not nullptr with a blob.
  bool mds_required = false;  ///< Refuses authenticators that the blob does not know.
};

/// Errors of the blob: `mds_malformed`, `mds_signature`, …; it is judged as of `options`' making.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::webauthn
