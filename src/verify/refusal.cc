#include "verify/refusal.h"

#include <algorithm>
#include <array>

namespace mintmark {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 48> names = {
    "token_malformed",
    "token_typ",
    "token_key_unknown",
    "token_alg",
    "token_signature",
    "token_issuer",
    "token_audience",
    "token_exp_missing",
    "token_expired",
    "token_not_yet_valid",
    "token_iat_missing",
    "token_iat_future",
    "token_sub_missing",
    "token_unbound",
    "token_key_protection",
    "token_scheme",
    "token_certificate_missing",
    "token_certificate_mismatch",
    "token_certificate_malformed",
    "proof_missing",
    "proof_malformed",
    "proof_typ",
    "proof_alg",
    "proof_jwk",
    "proof_signature",
    "proof_htm",
    "proof_htu",
    "proof_iat_missing",
    "proof_iat_old",
    "proof_iat_future",
    "proof_jti",
    "proof_nonce",
    "proof_nonce_required",
    "proof_nonce_stale",
    "proof_ath",
    "proof_key_mismatch",
    "proof_replayed",
    "proof_before_start",
    "replay_window_full",
    "keys_unavailable",
    "keys_malformed",
    "metadata_malformed",
    "metadata_issuer_mismatch",
    "token_revoked",
    "token_suspended",
    "token_key_revoked",
    "revocations_unavailable",
    "revocations_stale",
};
static_assert(names.size() == static_cast<std::size_t>(Refusal::revocations_stale) + 1);

}  // namespace

namespace verify {

Refused refused(Error error) {
  const auto found = std::find(names.begin(), names.end(), facts_of(error.code).name);
  if (found == names.end()) return {Refusal::token_malformed, error.to_string()};
  return {static_cast<Refusal>(found - names.begin()), std::move(error.detail)};
}

}  // namespace verify
}  // namespace mintmark

// Qualified, or they would be others beside those of the inline namespace.
std::string_view mintmark::name_of(Refusal refusal) {
  const auto index = static_cast<std::size_t>(refusal);
  return index < names.size() ? names[index] : "unknown";
}

bool mintmark::is_unavailable(Refusal refusal) {
  switch (refusal) {
    case Refusal::replay_window_full:
    case Refusal::keys_unavailable:
    case Refusal::keys_malformed:
    case Refusal::metadata_malformed:
    case Refusal::metadata_issuer_mismatch:
    case Refusal::revocations_unavailable:
    case Refusal::revocations_stale:
      return true;
    default:
      return false;
  }
}
