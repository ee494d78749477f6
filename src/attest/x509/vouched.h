// By whose word a device is what it says, as facts have it.
#pragma once

#include "attest/facts.h"
#include "attest/x509/chain.h"

namespace mintmark::attest::x509 {

/// Sets root, root_subject, standing and chain of `facts`.
void set_vouched(Facts& facts, const Chain& chain);

}  // namespace mintmark::attest::x509
