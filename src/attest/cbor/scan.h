// The first pass over CBOR that strangers send: its shape, before anything is allocated. For this
// folder alone.
#pragma once

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark::attest::cbor {

/// How many octets the item at the beginning takes. Allocates nothing that a declared length could
/// ask for. `cbor_malformed` (also what ends early, strings of indefinite length, text that is not
/// UTF-8, a map's key that is no integer and no string), `cbor_too_large` (longest, most_items),
/// `cbor_too_deep` (arrays, maps and tags inside one another).
[[nodiscard]] Result<std::size_t> scan(BytesView octets);

}  // namespace mintmark::attest::cbor
