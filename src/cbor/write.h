// CBOR as we write it (RFC 8949 §4.2.1): heads as short as can be, lengths always told. Pure;
// thread-safe.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace mintmark::cbor {

/// Each of these is one item, encoded.
[[nodiscard]] Bytes number(std::int64_t value);
[[nodiscard]] Bytes octets(BytesView value);
[[nodiscard]] Bytes text(std::string_view value);  ///< UTF-8
[[nodiscard]] Bytes null();
[[nodiscard]] Bytes boolean(bool value);
[[nodiscard]] Bytes tagged(std::uint64_t tag, BytesView item);
[[nodiscard]] Bytes array(const std::vector<Bytes>& items);
/// Keys and values, in the order in which they are written.
using Members = std::vector<std::pair<Bytes, Bytes>>;
[[nodiscard]] Bytes map(const Members& members);

/// One behind the other.
[[nodiscard]] Bytes joined(Bytes before, BytesView after);

/// What COSE_Sign1 signs, without external data (RFC 9052 §4.4).
[[nodiscard]] Bytes sig_structure(BytesView protected_header, BytesView payload);
/// COSE_Sign1 without its tag and without unprotected members (RFC 9052 §4.2).
[[nodiscard]] Bytes sign1(BytesView protected_header, BytesView payload, BytesView signature);

}  // namespace mintmark::cbor
