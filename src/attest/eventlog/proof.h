// What of an event's data its digest proves: which octets were hashed differs by type and by who
// measured.
#pragma once

#include "attest/eventlog/log.h"

namespace mintmark::attest::eventlog {

enum class Proof : std::uint8_t {
  nothing,  ///< The data are beside the digest: of an image, of a file, or a lie.
  whole,    ///< All of the data were hashed: what the specification asks of most events.
  /// All but one octet at the end: shim before 15.4 logged one octet more than it hashed.
  all_but_last,
  /// A text in the data: what stands behind GRUB's "grub_cmd: ", a section's name as systemd-stub
  /// hashes it. What stands before it is the log's own word.
  text,
  /// The content of a variable, not its name: EV_EFI_VARIABLE_BOOT as most firmware does it.
  content,
};

struct Proven {
  Proof proof = Proof::nothing;
  /// The octets that were hashed, as they stand in the event's data; for a section's name, UTF-16.
  BytesView octets;
};

/// Of an event that has a digest of that bank.
[[nodiscard]] Proven proof_of(const Event& event, const Bank& bank);

/// "grub_cmd: ", "kernel_cmdline: ", "module_cmdline: " at the front of the data, or the like of
/// older GRUBs; else "".
[[nodiscard]] std::string_view grub_prefix(BytesView data);

}  // namespace mintmark::attest::eventlog
