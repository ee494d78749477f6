#include "issuer/own_tokens.h"

#include <utility>

namespace mintmark::issuer {
namespace {

// By the clock that it was minted by. A token may be minted as of a moment that is near (mint.h);
// to its end there is nothing to add.
Result<void> check_time(const verify::TokenFacts& facts, Moment now) {
  if (auto timely = verify::check_times(facts, now, MintingClock::tolerated); !timely)
    return timely;
  if (now < facts.expires_at) return {};
  return fail(Code::token_expired, "the token has expired");
}

}  // namespace

Result<std::shared_ptr<const OwnTokens::Keys>> OwnTokens::keys() const {
  auto snapshot = parts_.keyring.snapshot();
  if (!snapshot) return fail(Code::keys_not_ready, "the signing keys are not ready yet");
  const std::lock_guard lock(mutex_);
  if (keys_ && keys_->of == snapshot) return keys_;
  auto set = verify::KeySet::parse(snapshot->jwks());
  if (!set) return pass_on(set);
  keys_ = std::make_shared<const Keys>(Keys{std::move(snapshot), std::move(*set)});
  return keys_;
}

Result<verify::CheckedToken> OwnTokens::check(std::string_view token,
                                              const std::vector<std::string>& audiences) const {
  const auto now = parts_.clock.minting_moment();
  if (!now) return tl::unexpected<Error>(now.error());
  const auto known = keys();
  if (!known) return tl::unexpected<Error>(known.error());
  auto jws = verify::parse_access_token(token);
  if (!jws) return pass_on(jws);
  auto checked =
      verify::check_access_token(std::move(*jws), (*known)->set, {parts_.issuer, audiences, {}});
  if (!checked) return checked;
  if (auto timely = check_time(*checked->facts, *now); !timely) return pass_on(timely);
  if (auto standing = check_standing(*checked); !standing) return pass_on(standing);
  return checked;
}

Result<NamedToken> OwnTokens::named(std::string_view token) const {
  const auto known = keys();
  if (!known) return tl::unexpected<Error>(known.error());
  auto jws = verify::verified_access_token(token, (*known)->set);
  if (!jws) return pass_on(jws);
  const auto jti = jose::string_claim(jws->claims(), "jti");
  const auto client_id = jose::string_claim(jws->claims(), "client_id");
  if (jti && *jti && client_id && *client_id) return NamedToken{**jti, **client_id};
  return fail(Code::token_malformed, "the token has no jti, or no client_id");
}

Result<void> OwnTokens::check_standing(const verify::CheckedToken& token) const {
  using Verdict = verify::RevokedSet::Verdict;
  const verify::TokenFacts& facts = *token.facts;
  const Verdict verdict = parts_.judge ? parts_.judge({.jti = facts.token_id,
                                                       .subject = facts.subject,
                                                       .kid = token.kid,
                                                       .issued_at = facts.issued_at})
                                       : Verdict::good;
  switch (verdict) {
    case Verdict::good:
      return {};
    case Verdict::revoked:
      return fail(Code::token_revoked, "the token was revoked");
    case Verdict::key_revoked:
      break;
  }
  return fail(Code::token_key_revoked, "the key that signed the token was taken back");
}

}  // namespace mintmark::issuer
