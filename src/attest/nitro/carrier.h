// A TLS certificate that carries a Nitro document in a name of its subject: enclaves behind TLS
// tell their clients so. Pure; thread-safe.
#pragma once

#include <optional>

#include "attest/nitro/document.h"

namespace mintmark::attest::nitro {

/// Such a certificate holds a whole document as text, so it is longer than others may be.
inline constexpr std::size_t longest_carrier = 64U << 10U;

/// The octets of the document that a dNSName of a certificate, DER or PEM, begins with as
/// hexadecimal, up to its first dot. Nothing where it carries none. Whose certificate that is, is
/// not looked at.
[[nodiscard]] std::optional<Bytes> document_in(BytesView certificate);

}  // namespace mintmark::attest::nitro
