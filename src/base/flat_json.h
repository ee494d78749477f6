// JSON of the plainest kind, read in one pass: what a DPoP proof says is such, and what our tokens
// say. Of this folder alone.
//
// A proof's payload takes 0.5 us by it and 1.8 us by the parser, a token's 1.3 and 4.0, beside 43
// us of a verification (-O2, gcc 12, one virtual core): 5 hundredths of a decision, and more than
// anything else beside the signature took.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"

namespace mintmark {

inline constexpr std::size_t flat_members = 32;
inline constexpr std::size_t flat_depth = 2;

/// `{"name":"text","name":123,"name":{…},…}`: at most flat_depth objects inside one another and
/// flat_members in all, none empty, no name twice in one, no white space, no escape, printable
/// ASCII alone, numbers of up to 18 digits. Nothing for all else: whether that is good JSON is the
/// parser's to say. What it gives is what the parser would give.
[[nodiscard]] std::optional<Json> read_flat_object(std::string_view text);

}  // namespace mintmark
