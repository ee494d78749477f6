// The certificates that an operator trusts to vouch for EKs, and those that help to reach them.
#pragma once

#include "attest/x509/trust.h"

namespace mintmark::attest::tpm2 {

using x509::Certificate;
using EkTrust = x509::Trust;

}  // namespace mintmark::attest::tpm2
