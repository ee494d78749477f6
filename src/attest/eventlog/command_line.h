// Command lines of kernels, told from what else boot loaders measure to PCR 8 and 12 by the octets
// that were hashed: neither an event's type nor the words before its text are.
#pragma once

#include <set>
#include <string>

#include "attest/eventlog/facts.h"

namespace mintmark::attest::eventlog {

struct LoaderWords {
  enum class Kind : std::uint8_t {
    command_line,  ///< Of a kernel, or of a module that is loaded beside it (Xen's Linux is one).
    command,       ///< GRUB's.
    /// Neither can be told: it may be any command line.
    unknown,
  };
  Kind kind = Kind::unknown;
  std::string text;  ///< As it was hashed, without terminator; no UTF-8 perhaps. "" where unknown.
};

/// Reads the events of a log's PCR 8 and 12 in their order. GRUB hashes commands and command lines
/// as 8-bit text to PCR 8 (grub-core/commands/tpm.c); a command line there begins with the file
/// that is loaded. systemd-boot and systemd-stub hash command lines as UTF-16 to PCR 12, before
/// version 251 to PCR 8 (systemd, src/boot/measure.c).
class LoaderReader {
 public:
  explicit LoaderReader(bool of_td) : of_td_(of_td) {}

  [[nodiscard]] LoaderWords read(const Seen& seen);

 private:
  [[nodiscard]] LoaderWords read_grub(const Seen& seen, std::string text);

  bool of_td_;
  std::set<std::string, std::less<>> loaded_;  ///< Files that commands before loaded as kernels.
};

}  // namespace mintmark::attest::eventlog
