// What our results are, for the signer that holds it and the issuer that writes it.
#pragma once

#include <string_view>

namespace mintmark::hsm {

/// draft-ietf-rats-ear-04 §3: the one value that `eat_profile` has. Its claims are named with
/// underscores (`ear_status`); revisions before 03 had other names and other profiles.
inline constexpr std::string_view ear_profile = "tag:ietf.org,2026:rats/ear#04";

}  // namespace mintmark::hsm
