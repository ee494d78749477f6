// The PIN: from a file, an inherited descriptor or a systemd credential, straight into locked
// memory.
#pragma once

#include "base/error.h"
#include "base/secret.h"
#include "config/config.h"

namespace mintmark::hsm::pkcs11 {

/// Longer is no PIN of any token we know; a source beyond it was probably named by mistake.
inline constexpr std::size_t longest_pin = 255;

/// Reads the one source that is named. One trailing newline is taken off. A descriptor is read from
/// where it stands to its end and left open. Errors: `hsm_pin_source` (none named, or several),
/// `hsm_pin_unreadable` (names the path and the reason), `hsm_pin_exposed` (a file that everybody
/// may read or write), `hsm_pin_empty`.
[[nodiscard]] Result<Secret> read_pin(const config::PinSource& source);

}  // namespace mintmark::hsm::pkcs11
