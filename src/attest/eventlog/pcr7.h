// PCR 7: configuration of Secure Boot, and authorities; told apart by what was hashed, since an
// event's type is not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/eventlog/facts.h"
#include "attest/eventlog/variable.h"

namespace mintmark::attest::eventlog {

inline constexpr std::string_view shim_lock = "605dab50-e046-4300-abb6-3dd810dd8b23";

/// "" where PCR 7 is covered and each of its events proven by its data; else the reason why nothing
/// of it can be known. An event that proves nothing may be any other one that was measured. Of a
/// TD, whose register takes more than PCR 7, such events are let pass where they are no measurement
/// of SecureBoot.
[[nodiscard]] std::string why_not_proven(const View& view, const std::vector<const Seen*>& events);

/// The variable that the event was proven to measure.
[[nodiscard]] std::optional<Variable> variable_in(const Seen& seen);
/// SecureBoot, PK, KEK, db or dbx as a whole.
[[nodiscard]] std::optional<Variable> configuration_in(const Seen& seen);

}  // namespace mintmark::attest::eventlog
