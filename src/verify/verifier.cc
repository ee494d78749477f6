#include "mintmark/verifier.h"

#include <algorithm>
#include <stdexcept>

#include "verify/access_token.h"
#include "verify/key_cache.h"
#include "verify/proof.h"
#include "verify/refusal.h"
#include "verify/replay.h"

namespace mintmark {
namespace {

VerifierOptions complete(VerifierOptions options) {
  if (options.issuer.empty()) throw std::invalid_argument("a verifier needs its issuer");
  if (options.audience.empty()) throw std::invalid_argument("a verifier needs its audience");
  for (const auto span : {options.skew, options.proof_past, options.proof_future,
                          options.keys_grace, options.keys_longest, options.keys_pause}) {
    if (span < std::chrono::seconds{0}) throw std::invalid_argument("a span of time is negative");
  }
  if (!options.now) options.now = [] { return SystemClock().now(); };
  return options;
}

std::unique_ptr<KeySource> present(std::unique_ptr<KeySource> keys) {
  if (!keys) throw std::invalid_argument("a verifier needs a source of keys");
  return keys;
}

}  // namespace

tl::expected<KeyDocument, Refused> KeySource::fetch_holding(
    const std::vector<std::string>& /*held*/) {
  return fetch();
}

bool VerifiedToken::has_scope(std::string_view scope) const {
  return std::find(scopes_.begin(), scopes_.end(), scope) != scopes_.end();
}

struct Verifier::State {
  State(VerifierOptions given, std::unique_ptr<KeySource> source)
      : options(complete(std::move(given))),
        keys(present(std::move(source)), {.grace = options.keys_grace,
                                          .longest = options.keys_longest,
                                          .pause = options.keys_pause}),
        replay(options.now(), {.past = options.proof_past}) {}

  Result<VerifiedToken> check_token(std::string_view token, Moment now) {
    auto jws = verify::parse_access_token(token);
    if (!jws) return pass_on(jws);
    const auto published = keys.holding(jws->kid(), now);
    if (!published) return tl::unexpected<Error>(published.error());
    return verify::check_access_token(std::move(*jws), **published,
                                      {.issuer = options.issuer,
                                       .audience = options.audience,
                                       .skew = options.skew,
                                       .now = now,
                                       .key_protections = options.key_protections});
  }

  Result<verify::ProvenRequest> check_proof(std::string_view token, const std::string& jkt,
                                            const ProofContext& context, Moment now) {
    if (context.proof.empty()) {
      return fail(Code::proof_missing,
                  "the token is bound to a device key, and no proof came with it");
    }
    auto proof = verify::check_proof(context.proof, {.method = context.method,
                                                     .url = context.url,
                                                     .access_token = token,
                                                     .now = now,
                                                     .past = options.proof_past,
                                                     .future = options.proof_future});
    if (!proof) return proof;
    if (proof->jkt() != jkt) {
      return fail(Code::proof_key_mismatch,
                  "the proof is by another key than the one the token is bound to");
    }
    if (options.proof_memory == ProofMemory::of_caller) return proof;
    if (auto fresh = replay.remember(*proof, now); !fresh) return pass_on(fresh);
    return proof;
  }

  VerifierOptions options;
  verify::KeyCache keys;
  verify::ReplayWindow replay;
};

Verifier::Verifier(VerifierOptions options, std::unique_ptr<KeySource> keys)
    : state_(std::make_unique<State>(std::move(options), std::move(keys))) {}
Verifier::~Verifier() = default;
Verifier::Verifier(Verifier&&) noexcept = default;
Verifier& Verifier::operator=(Verifier&&) noexcept = default;

tl::expected<VerifiedToken, Refused> Verifier::check(std::string_view token,
                                                     const ProofContext& context) const {
  const Moment now = state_->options.now();
  auto verified = state_->check_token(token, now);
  if (!verified) return tl::unexpected<Refused>(verify::refused(std::move(verified.error())));
  auto proof = state_->check_proof(token, verified->jkt(), context, now);
  if (!proof) return tl::unexpected<Refused>(verify::refused(std::move(proof.error())));
  verified->proof_checked_ = true;
  verified->proof_jti_ = proof->jti();
  verified->proof_iat_ = proof->issued_at();
  return std::move(*verified);
}

tl::expected<VerifiedToken, Refused> Verifier::check_without_proof(std::string_view token) const {
  auto verified = state_->check_token(token, state_->options.now());
  if (!verified) return tl::unexpected<Refused>(verify::refused(std::move(verified.error())));
  return std::move(*verified);
}

}  // namespace mintmark
