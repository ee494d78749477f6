// Whether a chain attests a key that hardware made and holds. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "attest/android_key/key_chain.h"
#include "attest/android_key/revocation.h"
#include "attest/facts.h"
#include "attest/x509/chain.h"

namespace mintmark::attest::android_key {

/// By what a chain is judged.
struct Terms {
  const x509::Trust* trust = nullptr;     ///< Roots of hardware.
  const x509::Trust* software = nullptr;  ///< Roots of software keystores; nullptr: none is taken.
  const RevocationList* revocations = nullptr;
  Moment at{};
  std::optional<BytesView> challenge;  ///< What was asked for; nothing: it is not looked at.
};

struct Attested {
  KeyDescription description;
  x509::Chain chain;
  Provisioning provisioning = Provisioning::remote;
  /// Vouched for by a software root alone, or software by its own word: proves nothing.
  bool software = false;
};

/// In this order: placement and content of the extension (description_of), the links, the
/// challenge (`android_challenge`), the root (`certificate_…`) and that the chain is no other than
/// the one that leads to it (`android_chain_malformed`), the security levels
/// (`android_software`, `android_security_levels`), where the key came from and what it may do
/// (`android_key_origin`, `android_key_purpose`), revocation (`android_revoked`,
/// `android_suspended`).
///
/// A factory's chain may have expired: Google does not renew it. A remotely provisioned one must be
/// alive, and the leaf of either too.
[[nodiscard]] Result<Attested> check_attestation(const KeyChain& chain, const Terms& terms);

/// Whether a refusal is by rule alone: signatures, names and challenge were found good before.
[[nodiscard]] bool refused_by_rule(Code code);

/// All of Facts but key_protection's last word on whose key it is.
[[nodiscard]] Facts facts_of(const Attested& attested);

}  // namespace mintmark::attest::android_key
