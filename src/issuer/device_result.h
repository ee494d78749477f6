// Our verdict on a device in the words that others use: the claims of an EAT Attestation Result
// (draft-ietf-rats-ear-04) with its AR4SI vector (draft-ietf-rats-ar4si-10 §2.3). Pure.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "attest/standing.h"
#include "base/error.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::issuer {

/// Octets of `eat_nonce` in JSON (RFC 9711 §4.1).
inline constexpr std::size_t shortest_result_nonce = 8;
inline constexpr std::size_t longest_result_nonce = 88;

/// Values of AR4SI that we give (§2.3.2 and §2.3.4). The tier of a value: 2 to 31 affirming, 32 to
/// 95 warning, from 96 contraindicated; 0 says nothing.
namespace ar4si {
inline constexpr int none = 0;
inline constexpr int affirming = 2;
/// Of executables: only what is approved was loaded during boot; nobody watched what came after.
inline constexpr int approved_boot = 3;
inline constexpr int warning = 32;
/// Of executables: some were loaded that are not recognised.
inline constexpr int unrecognised = 33;
inline constexpr int contraindicated = 96;
}  // namespace ar4si

/// AR4SI's vector, as far as we say something. docs/attestation/results.md has the table and its
/// reasons.
struct TrustVector {
  int instance_identity = ar4si::none;
  int configuration = ar4si::none;
  int executables = ar4si::none;
  int hardware = ar4si::none;
};
[[nodiscard]] TrustVector trust_vector_of(const attest::RecordedDevice& device);

/// "none", "affirming", "warning" or "contraindicated": the worst of the vector, and never better
/// than what a foreign verifier said whose result this device brought.
[[nodiscard]] std::string_view status_of(const TrustVector& vector,
                                         const attest::RecordedDevice& device);

/// What the one who asks may choose.
struct ResultWish {
  std::string nonce;    ///< Echoed as `eat_nonce`; "": none.
  bool labels = false;  ///< Operators alone may have them in.
};

/// `invalid_argument`: a nonce has 8 to 88 printable characters of ASCII without spaces.
[[nodiscard]] Result<void> check_wish(const ResultWish& wish);

struct ResultOptions {
  std::string issuer;
  std::string build;               ///< Of ear_verifier_id: "mintd 0.1.0".
  std::chrono::seconds life{300};  ///< Never longer than the evidence is fresh.
};

/// The claims, but `jti`: who judged and when, the device, its key (`cnf.jkt`), and one appraisal
/// in `submods`, named after the format. Facts stand there under `mintmark`; a format's memory
/// never does.
[[nodiscard]] Json result_claims(const attest::AttestedDevice& device, const ResultOptions& options,
                                 const ResultWish& wish, Moment now);

}  // namespace mintmark::issuer
