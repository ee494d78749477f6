// Between the public face's refusals and the house's codes: they have the same names.
#pragma once

#include "base/error.h"
#include "mintmark/verifier.h"

namespace mintmark::verify {

/// The refusal of that name; what has none of its own is `token_malformed`.
[[nodiscard]] Refused refused(Error error);

}  // namespace mintmark::verify
