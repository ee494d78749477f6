// Format "x509": an identity that a maker (IDevID) or an owner (LDevID) certified, IEEE
// 802.1AR-2018, and possession of its key. Pure; thread-safe.
#pragma once

#include <memory>

#include "attest/format.h"
#include "attest/x509/device_identity.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::x509 {

struct Options {
  std::shared_ptr<const Trust> trust;
};

/// Evidence: "certificate" (DER), "chain" (array of DER, may be left out), "alg" (JOSE name),
/// "signature" (by the certificate's key over the binding's octets). Errors of check:
/// `evidence_member`, those of check_device_identity and of check_possession.
[[nodiscard]] std::unique_ptr<Format> make_format(Options options);

/// What the issuing authority says by certificate policies of where the key lives (TCG, TPM 2.0
/// Keys for Device Identity and Attestation; its OIDs below 2.23.133.11.1).
struct Residency {
  bool in_a_tpm = false;  ///< tcg-cap-verifiedTPMResidency
  bool fixed = false;     ///< tcg-cap-verifiedTPMFixed: it cannot leave that TPM.
};
[[nodiscard]] Residency residency_of(const DeviceIdentity& identity);

}  // namespace mintmark::attest::x509
