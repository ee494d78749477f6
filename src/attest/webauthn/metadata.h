// FIDO's metadata (MDS3): which authenticators there are, who vouches for each, what became of them
// (FIDO Metadata Service 3.0; FIDO Metadata Statement 3.0). Immutable; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "attest/webauthn/authenticator_data.h"
#include "attest/x509/trust.h"
#include "base/time.h"

namespace mintmark::attest::webauthn {

struct Authenticator {
  std::string description;
  std::shared_ptr<const x509::Trust> trust;  ///< attestationRootCertificates; nullptr: none.
  std::string certified;  ///< The last word on certification: "FIDO_CERTIFIED_L1"; "".
  std::string refused;    ///< The first status that ends trust: "REVOKED"; "": none.
};

class Metadata {
 public:
  /// A blob as FIDO publishes it: JWS compact, its certificates in "x5c", which chain to `trust`,
  /// the first for the DNS name `signer`. `mds_malformed`, `mds_chain`, `mds_signature`,
  /// `mds_expired`.
  [[nodiscard]] static Result<Metadata> parse(std::string_view blob, const x509::Trust& trust,
                                              const std::string& signer, Moment at);

  /// By aaguid; where that is zero, by the key of the attestation certificate (RFC 5280 §4.2.1.2,
  /// method 1), if there is one. nullptr: not listed.
  [[nodiscard]] const Authenticator* find(const Aaguid& aaguid, const X509* leaf) const;
  /// The day after nextUpdate has begun: `mds_expired`.
  [[nodiscard]] Result<void> check_fresh(Moment at) const;

 private:
  Metadata() = default;
  Moment until_{};
  std::map<std::string, std::shared_ptr<const Authenticator>> by_aaguid_;  ///< As uuid_of.
  std::map<std::string, std::shared_ptr<const Authenticator>> by_key_;     ///< hex SHA-1.
};

}  // namespace mintmark::attest::webauthn
