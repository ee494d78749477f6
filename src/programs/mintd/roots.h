// The authorities and formats that a configuration names, read from their files.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "attest/format.h"
#include "attest/x509/trust.h"
#include "config/config.h"

namespace mintmark::mintd {

struct EnrolmentRoots {
  std::shared_ptr<const attest::x509::Trust> ek;  ///< nullptr: no TPM enrols here.
  std::shared_ptr<const attest::x509::Trust> ak;  ///< nullptr: no AK certificate is taken.
  /// Those taken beside tpm2, by their names.
  std::map<std::string, std::shared_ptr<const attest::Format>> formats;
};

/// `trust_unreadable` names the file; errors of the formats' making.
[[nodiscard]] Result<EnrolmentRoots> load_roots(const config::Enrolment& enrolment);
[[nodiscard]] Result<std::shared_ptr<const attest::x509::Trust>> load_trust(
    const config::TrustFiles& files);
/// Of clients that come by mutual TLS; null where the configuration names none.
[[nodiscard]] Result<std::shared_ptr<const attest::x509::Trust>> load_client_authorities(
    const config::MutualTls& wanted);

}  // namespace mintmark::mintd
