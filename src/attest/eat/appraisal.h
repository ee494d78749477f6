// What a verifier found: EAT Attestation Results (draft-ietf-rats-ear, AR4SI's trustworthiness
// tiers), over all submodules. Pure; thread-safe.
#pragma once

#include "base/error.h"
#include "base/json.h"

namespace mintmark::attest::eat {

/// From the best to the worst. `none`: nothing is said, which is no good word.
enum class Tier : std::uint8_t { affirming, warning, none, contraindicated };
[[nodiscard]] const char* name_of(Tier tier);
/// By AR4SI's ranges (draft-ietf-rats-ar4si §3.2): 2 to 31 and -32 to -2 affirm, -1 to 1 say
/// nothing, 32 to 95 and -96 to -33 warn, the rest contraindicates.
[[nodiscard]] Tier tier_of(std::int64_t value);

struct Appraisal {
  bool is_ear = false;            ///< Else nothing was appraised: a plain EAT.
  Tier status = Tier::affirming;  ///< The worst that is said anywhere.
  bool hardware = false;          ///< Affirmed of some submodule, and nothing else said of another.
  bool boot_state = false;  ///< Likewise of its executables, with nothing against configuration.
};

inline constexpr std::size_t most_submods = 32;

/// The whole of a token's claims. `eat_profile` (claims of an EAR without its profile),
/// `eat_submods` (an EAR without any, more than most_submods, one that is no claims set: nobody
/// here judges a token inside a token; one of an EAR without its status), `eat_malformed` (a status
/// or a vector of another shape, the same claim under its old and its new name).
[[nodiscard]] Result<Appraisal> appraise(const Json& claims);
/// `eat_status`: anything but affirming, or warning where that is taken.
[[nodiscard]] Result<void> check_status(const Appraisal& appraisal, bool warning_too);

}  // namespace mintmark::attest::eat
