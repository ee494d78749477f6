#include "issuer/own_tokens.h"

#include <charconv>
#include <utility>

#include "jose/members.h"

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

// ledger.cc's status_claim, read.
void place(const Json& claims, audit::Issued& token) {
  const auto status = claims.find("status");
  if (status == claims.end() || !status->is_object()) return;
  const auto entry = status->find("status_list");
  if (entry == status->end() || !entry->is_object()) return;
  const auto uri = jose::string_claim(*entry, "uri");
  const auto index = jose::time_claim(*entry, "idx");  // As any number that is not negative.
  if (!uri || !*uri || !index || !*index) return;
  const std::string number = (*uri)->substr((*uri)->rfind('/') + 1);
  const char* const end = number.data() + number.size();
  std::uint32_t list = 0;
  const auto read = std::from_chars(number.data(), end, list);
  if (read.ec != std::errc() || read.ptr != end) return;
  token.list = list;
  token.index = static_cast<std::uint32_t>(**index);
}

}  // namespace

Result<std::shared_ptr<const OwnTokens::Keys>> OwnTokens::keys() const {
  auto snapshot = parts_.keyring.snapshot();
  if (!snapshot) return fail(Code::keys_not_ready, "the signing keys are not ready yet");
  const MutexLock lock(mutex_);
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
  jose::Members claims(jws->claims(), Code::token_malformed, "the token's ");
  NamedToken named{{.jti = claims.non_empty("jti"),
                    .device = claims.non_empty("sub"),
                    .audience = claims.non_empty("aud"),
                    .kid = jws->key().thumbprint(),
                    .rule = "",
                    .issued_at = claims.moment("iat"),
                    .expires_at = claims.moment("exp")},
                   claims.non_empty("client_id")};
  if (auto good = claims.result(); !good) return pass_on(good);
  place(jws->claims(), named.token);
  return named;
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
