// By whose word a device is what it says, as facts have it.
#pragma once

#include <string>

#include "attest/facts.h"
#include "attest/x509/chain.h"

namespace mintmark::attest::x509 {

/// Sets root, root_subject, standing and chain of `facts`.
void set_vouched(Facts& facts, const Chain& chain);

/// Who vouches, as a part of identities that are names and no proven keys: the root's hex SHA-256,
/// or where no root was reached that of the last certificate found. A name is one authority's
/// alone, so nobody else's takes over what is known by it.
[[nodiscard]] std::string voucher_of(const Chain& chain);

}  // namespace mintmark::attest::x509
