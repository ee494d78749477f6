// JSON of the plainest kind, read in one pass: what a DPoP proof says is such, and the parser takes
// longer for it than everything else that its check does beside the signature. Of this folder
// alone.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"

namespace mintmark {

inline constexpr std::size_t flat_members = 16;

/// `{"name":"text","name":123,…}`: at most flat_members, no name twice, no white space, no escape,
/// printable ASCII alone, numbers of up to 18 digits. Nothing for all else: whether that is good
/// JSON is the parser's to say.
[[nodiscard]] std::optional<Json> read_flat_object(std::string_view text);

}  // namespace mintmark
