// What logs say, as text that a person, JSON and a terminal can take.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace mintmark::attest::eventlog {

/// UTF-16LE up to its first terminator, as UTF-8; nothing where it is not well-formed.
[[nodiscard]] std::optional<std::string> utf16_text(BytesView octets);
/// The same at any price, for people: what is not well-formed becomes '?'.
[[nodiscard]] std::string utf16_for_people(BytesView octets);
/// UTF-8 in one line: what is not visible (base/text.h) or not UTF-8 becomes '?'; longer text ends
/// in "...".
[[nodiscard]] std::string for_people(std::string_view text, std::size_t longest = 200);
/// Text of people: not empty, printable ASCII alone (blanks and line feeds allowed), perhaps with
/// one terminator.
[[nodiscard]] bool is_plain_text(BytesView octets);
/// Up to the trailing terminators.
[[nodiscard]] BytesView without_terminators(BytesView octets);
/// "8be4df61-93ca-11d2-aa0d-00e098032b8c" of 16 octets as they stand in memory (UEFI 2.10 Appendix
/// A).
[[nodiscard]] std::string guid_text(BytesView guid);

}  // namespace mintmark::attest::eventlog
