// The authorities that a configuration names, read from their files.
#pragma once

#include <memory>

#include "attest/tpm2/trust.h"
#include "config/config.h"

namespace mintmark::mintd {

struct EnrolmentRoots {
  std::shared_ptr<const attest::tpm2::EkTrust> ek;
  std::shared_ptr<const attest::tpm2::EkTrust> ak;  ///< nullptr: no AK certificate is taken.
};

/// `trust_unreadable` names the file.
[[nodiscard]] Result<EnrolmentRoots> load_roots(const config::Tpm2Enrolment& enrolment);

}  // namespace mintmark::mintd
