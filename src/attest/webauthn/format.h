// Format "webauthn": WebAuthn Level 3 attestation objects. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"
#include "base/time.h"

namespace mintmark::attest::webauthn {

struct Options {
  std::shared_ptr<const x509::Trust> trust;  ///< Roots of authenticators' makers.
  std::vector<std::string> rp_ids;           ///< At least one.
  std::vector<std::string> origins;          ///< At least one, as clientDataJSON has them.
  bool sha1 = false;                         ///< Takes RS1 of old TPMs, by name.
  bool self = false;  ///< Takes self attestation: proves nothing of hardware.
  std::string mds;    ///< A FIDO MDS3 blob, JWS text; "": none.
  std::shared_ptr<const x509::Trust> mds_trust;     ///< Of who signed it; not nullptr with a blob.
  std::string mds_signer = "mds.fidoalliance.org";  ///< DNS name in its signer's certificate.
  /// Refuses authenticators that the blob does not list under those who vouch for them.
  bool mds_required = false;
  /// Google's status list, its JSON text, for statements of format "android-key"; "": none is
  /// looked at, and facts say so.
  std::string revocation_list;
  Moment at = SystemClock{}.now();  ///< When the blob is judged: as of these options' making.
};

/// `config_invalid` (no relying party, no origin, nobody to trust), `android_revocation_list`, and
/// of the blob: `mds_malformed`, `mds_chain`, `mds_signature`, `mds_expired`.
///
/// Evidence: "attestation_object" and "client_data_json", base64url; the challenge is the binding.
/// Errors of a check: `evidence_member`, those of parse_attestation_object, parse_client_data,
/// check_bindings and check_trust (attest/webauthn/judge.h). The identity is who vouches ("self"
/// where nobody does) with the credential's key: that key is named by the certificates, and most
/// formats prove no possession of it.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::webauthn
