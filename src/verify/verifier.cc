#include "mintmark/verifier.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "verify/access_token.h"
#include "verify/confirmation.h"
#include "verify/key_cache.h"
#include "verify/nonces.h"
#include "verify/proof.h"
#include "verify/refusal.h"
#include "verify/replay.h"
#include "verify/revoked_set.h"
#include "verify/token_memory.h"

namespace mintmark {
namespace {

VerifierOptions complete(VerifierOptions options) {
  if (options.issuer.empty()) throw std::invalid_argument("a verifier needs its issuer");
  if (options.audience.empty()) throw std::invalid_argument("a verifier needs its audience");
  for (const std::string& audience : options.further_audiences) {
    if (audience.empty()) throw std::invalid_argument("an audience is empty");
  }
  for (const auto span : {options.skew, options.proof_past, options.proof_future,
                          options.keys_grace, options.keys_longest, options.keys_pause}) {
    if (span < std::chrono::seconds{0}) throw std::invalid_argument("a span of time is negative");
  }
  if (options.revocations && options.skew > verify::RevokedSet::kept_past_end)
    throw std::invalid_argument("revocations are forgotten before the skew is over");
  if (!options.now) options.now = [] { return SystemClock().now(); };
  return options;
}

std::unique_ptr<KeySource> present(std::unique_ptr<KeySource> keys) {
  if (!keys) throw std::invalid_argument("a verifier needs a source of keys");
  return keys;
}

// Each once.
std::vector<std::string> audiences_of(const VerifierOptions& options) {
  std::vector<std::string> audiences{options.audience};
  for (const std::string& one : options.further_audiences) {
    if (std::find(audiences.begin(), audiences.end(), one) == audiences.end())
      audiences.push_back(one);
  }
  return audiences;
}

// The caller's clock, for what takes the house's.
class CallersClock final : public Clock {
 public:
  explicit CallersClock(std::function<Moment()> now) : now_(std::move(now)) {}
  [[nodiscard]] Moment now() const override { return now_(); }

 private:
  std::function<Moment()> now_;
};

// RFC 9449 §7.1 and RFC 8705 §3: a key is shown by DPoP, a certificate alone by the connection.
Result<void> check_scheme(const verify::TokenFacts& token, Scheme scheme) {
  if (!token.jkt.empty() && scheme != Scheme::dpop) {
    return fail(
        Code::token_scheme,
        "the token is bound to a device key: it comes as DPoP, with a proof, not as Bearer");
  }
  if (token.jkt.empty() && scheme != Scheme::bearer) {
    return fail(Code::token_scheme,
                "the token is bound to a certificate alone: it comes as Bearer, not as DPoP");
  }
  return {};
}

tl::unexpected<Refused> refused(Error& error) {
  return tl::unexpected<Refused>(verify::refused(std::move(error)));
}

}  // namespace

tl::expected<KeyDocument, Refused> KeySource::fetch_holding(
    const std::vector<std::string>& /*held*/) {
  return fetch();
}

struct Verifier::State {
  using Token = Result<std::shared_ptr<const verify::CheckedToken>>;

  State(VerifierOptions given, std::unique_ptr<KeySource> source)
      : options(complete(std::move(given))),
        audiences(audiences_of(options)),
        clock(options.now),
        keys(present(std::move(source)), {.grace = options.keys_grace,
                                          .longest = options.keys_longest,
                                          .pause = options.keys_pause}),
        tokens(options.tokens_remembered),
        replay(clock.now(), {.past = options.proof_past,
                             .future = options.proof_future,
                             .entries = options.proofs_remembered}),
        nonces(clock) {}

  // What the call shares: the token's hash is its name in the memory, and `ath`.
  struct Call {
    std::string_view token;
    Sha256 hash;
    Moment now;
    verify::ProofHead head;
  };

  Result<Call> begin(std::string_view token) const {
    if (token.size() > jose::JwsLimits{}.octets) {
      return fail(Code::token_malformed, "the token is longer than " +
                                             std::to_string(jose::JwsLimits{}.octets) + " octets");
    }
    return Call{token, sha256(token), clock.now(), nullptr};
  }

  Token check_token(Call& call) {
    auto token = checked_token(call);
    if (!token) return token;
    auto in_time = verify::check_times(*(*token)->facts, call.now, options.skew);
    if (!in_time) return pass_on(in_time);
    if (auto standing = check_revocations(**token); !standing) return pass_on(standing);
    return token;
  }

  // Of one that is remembered, too.
  Result<void> check_revocations(const verify::CheckedToken& token) const {
    if (!options.revocations) return {};
    const verify::TokenFacts& facts = *token.facts;
    auto judged = options.revocations->judge({.token_id = facts.token_id,
                                              .subject = facts.subject,
                                              .kid = token.kid,
                                              .issued_at = facts.issued_at});
    if (judged) return {};
    return fail(code_named(name_of(judged.error().refusal)), std::move(judged.error().detail));
  }

  // A key that was revoked is published no more, and what it signed is told which of the two it is.
  bool is_revoked(const std::string& kid) const {
    if (!options.revocations) return false;
    const auto judged = options.revocations->judge(
        {.token_id = "", .subject = "", .kid = kid, .issued_at = Moment::max()});
    return !judged && judged.error().refusal == Refusal::token_key_revoked;
  }

  verify::KeyCache::Keys published(std::string_view kid) {
    return keys.holding(kid, verify::BootClock::now(),
                        options.revocations ? options.revocations->keys_epoch() : 0);
  }

  // By the memory while the issuer still publishes the key that verified it.
  Token checked_token(Call& call) {
    auto known = tokens.find(call.hash);
    if (!known.token) return token_anew(call);
    const auto present = published(known.token->kid);
    if (!present) return tl::unexpected<Error>(present.error());
    const jose::PublicKey* key = (*present)->find(known.token->kid);
    if (key == nullptr || !(*key == known.token->key)) return token_anew(call);
    call.head = std::move(known.head);
    return std::move(known.token);
  }

  // Its device may be known by an earlier token.
  Token token_anew(Call& call) {
    auto jws = verify::parse_access_token(call.token);
    if (!jws) return pass_on(jws);
    const std::string kid = jws->kid();
    const auto present = published(kid);
    if (!present) return tl::unexpected<Error>(present.error());
    if ((*present)->find(kid) == nullptr && is_revoked(kid))
      return fail(Code::token_key_revoked, "the key that signed the token was revoked");
    auto checked = verify::check_access_token(std::move(*jws), **present,
                                              {.issuer = options.issuer,
                                               .audiences = audiences,
                                               .key_protections = options.key_protections});
    if (!checked) return pass_on(checked);
    auto token = std::make_shared<const verify::CheckedToken>(std::move(*checked));
    if (!token->facts->jkt.empty()) call.head = tokens.head_of(token->facts->jkt);
    tokens.remember(call.hash, {token, call.head});
    return token;
  }

  Result<verify::ProvenRequest> check_proof(Call& call, const verify::TokenFacts& token,
                                            const ProofContext& context) {
    if (context.proof.empty()) {
      return fail(Code::proof_missing,
                  "the token is bound to a device key, and no proof came with it");
    }
    const verify::ProofHead before = call.head;
    auto proof = verify::check_proof(context.proof,
                                     {.method = context.method,
                                      .url = context.url,
                                      .token_hash = call.hash,
                                      .now = call.now,
                                      .past = options.proof_past,
                                      .future = options.proof_future},
                                     call.head);
    if (!proof) return proof;
    if (proof->jkt() != token.jkt) {
      return fail(Code::proof_key_mismatch,
                  "the proof is by another key than the one the token is bound to");
    }
    if (auto nonce = check_nonce(*proof); !nonce) return pass_on(nonce);
    if (auto first = use_up(*proof, call.now); !first) return pass_on(first);
    if (call.head != before) tokens.remember(call.hash, token.jkt, call.head);
    return proof;
  }

  Result<void> check_nonce(const verify::ProvenRequest& proof) const {
    if (options.proof_nonces == ProofNonces::never) return {};
    if (!proof.nonce()) {
      if (options.proof_nonces != ProofNonces::always) return {};
      return fail(Code::proof_nonce_required,
                  "the proof needs the nonce that this answer's DPoP-Nonce header gives");
    }
    if (nonces.is_good(*proof.nonce())) return {};
    return fail(Code::proof_nonce_stale,
                "the proof's nonce is too old or not ours; take the one in this answer's "
                "DPoP-Nonce header");
  }

  Result<void> use_up(const verify::ProvenRequest& proof, Moment now) {
    if (options.proof_memory == ProofMemory::of_caller) return {};
    // A nonce that was looked at was found good: it is this verifier's, and younger than it.
    const bool asked = options.proof_nonces != ProofNonces::never;
    auto first = replay.remember(proof, now, asked && proof.nonce().has_value());
    if (first || !asked || first.error().code != Code::proof_before_start) return first;
    return fail(
        Code::proof_nonce_required,
        "the proof may have been used before this service started; make a new one, with the nonce "
        "that this answer's DPoP-Nonce header gives");
  }

  const VerifierOptions options;
  const std::vector<std::string> audiences;
  const CallersClock clock;
  verify::KeyCache keys;
  verify::TokenMemory tokens;
  verify::ReplayWindow replay;
  verify::Nonces nonces;
};

Verifier::Verifier(VerifierOptions options, std::unique_ptr<KeySource> keys)
    : state_(std::make_unique<State>(std::move(options), std::move(keys))) {}
Verifier::~Verifier() = default;
Verifier::Verifier(Verifier&&) noexcept = default;
Verifier& Verifier::operator=(Verifier&&) noexcept = default;

tl::expected<VerifiedToken, Refused> Verifier::check(std::string_view token,
                                                     const ProofContext& context) const {
  auto call = state_->begin(token);
  if (!call) return refused(call.error());
  auto checked = state_->check_token(*call);
  if (!checked) return refused(checked.error());
  const verify::TokenFacts& facts = *(*checked)->facts;
  if (auto scheme = check_scheme(facts, context.scheme); !scheme) return refused(scheme.error());
  if (!facts.certificate_thumbprint.empty()) {
    auto shown = verify::check_certificate(context.certificate, facts.certificate_thumbprint);
    if (!shown) return refused(shown.error());
  }
  VerifiedToken verified((*checked)->facts);
  verified.proof_checked_ = true;
  if (facts.jkt.empty()) return verified;
  // Last: a proof is used up when nothing else can refuse it.
  auto proof = state_->check_proof(*call, facts, context);
  if (!proof) return refused(proof.error());
  verified.proof_jti_ = proof->jti();
  verified.proof_iat_ = proof->issued_at();
  return verified;
}

tl::expected<VerifiedToken, Refused> Verifier::check_without_proof(std::string_view token) const {
  auto call = state_->begin(token);
  if (!call) return refused(call.error());
  auto checked = state_->check_token(*call);
  if (!checked) return refused(checked.error());
  return VerifiedToken((*checked)->facts);
}

std::string Verifier::fresh_nonce() const { return state_->nonces.fresh(); }

std::size_t Verifier::tokens_remembered() const { return state_->tokens.size(); }
std::size_t Verifier::proofs_remembered() const { return state_->replay.size(); }

}  // namespace mintmark
