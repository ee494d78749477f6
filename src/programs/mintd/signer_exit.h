// What the signer's exit status tells the keeper.
#pragma once

namespace mintmark::mintd {

inline constexpr int signer_exit_done = 0;
inline constexpr int signer_exit_usage = 2;
inline constexpr int signer_exit_unavailable = 3;
/// The token refused the PIN, or has locked it: not to be tried again until its source changes, or
/// the token locks itself.
inline constexpr int signer_exit_pin_refused = 4;

}  // namespace mintmark::mintd
