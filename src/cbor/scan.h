// The first pass over CBOR that strangers send: its shape, before anything is allocated. For this
// folder alone.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark::cbor {

struct Shape {
  std::size_t length = 0;  ///< Octets of the item at the beginning.
  /// Where tags 6 to 20 stand in one octet (COSE's are among them): libcbor 0.8 takes those for
  /// unassigned. In two octets, D8 and the number, it reads them.
  std::vector<std::size_t> short_tags;
};

/// The item at the beginning. Allocates nothing that a declared length could
/// ask for. `cbor_malformed` (also what ends early, strings of indefinite length, text that is not
/// UTF-8, a map's key that is no integer and no string), `cbor_too_large` (most octets,
/// most_items), `cbor_too_deep` (arrays, maps and tags inside one another).
[[nodiscard]] Result<Shape> scan(BytesView octets, std::size_t most);

}  // namespace mintmark::cbor
