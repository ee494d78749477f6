#include "issuer/issuance.h"

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t jti_octets = 16;
/// Each one is a signature. What moves more often than this within one request is not at rest.
constexpr unsigned most_attempts = 4;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// RFC 9449 §6.1, RFC 8705 §3.1: of each key that was shown.
Json confirmation_of(const AuthenticatedClient& client) {
  Json cnf = Json::object();
  if (const std::string jkt = client.bound_jkt(); !jkt.empty()) cnf["jkt"] = jkt;
  if (std::string x5t = client.bound_certificate(); !x5t.empty()) cnf["x5t#S256"] = std::move(x5t);
  return cnf;
}

const char* token_type_of(const AuthenticatedClient& client) {
  return client.bound_jkt().empty() ? "Bearer" : "DPoP";
}

}  // namespace

struct Issuance::Request {
  Decide decide;
  hsm::Done<IssuedToken> done;
  Deadline deadline;
  unsigned attempts = 0;
};

/// The keys are kept, which makes their address theirs alone: whether they moved is seen by
/// comparing.
struct Issuance::Decision {
  std::uint64_t revocations;
  std::shared_ptr<const keyring::Snapshot> keys;
  keyring::KeyKind kind;
  TokenDraft draft;
  audit::Issued issued;  ///< But for its entry, and the key that will sign it.
};

void Issuance::issue(Decide decide, hsm::Done<IssuedToken> done) {
  attempt(std::make_shared<Request>(
      Request{std::move(decide), std::move(done), Deadline::in(options_.sign_deadline)}));
}

void Issuance::attempt(const std::shared_ptr<Request>& request) {
  const auto now = parts_.clock.minting_moment();
  if (!now) return request->done(tl::unexpected<Error>(now.error()));
  auto decision = decide(*request, *now);
  if (!decision) return request->done(pass_on(decision));
  // A token that cannot be logged cannot leave: no signature for it, and its proof is not used up.
  if (auto able = parts_.ledger.log.ready(); !able) return request->done(pass_on(able));
  // Last before anything is spent, and once: what is refused for another reason may be sent again.
  if (request->attempts++ == 0) {
    if (auto first = spend(decision->draft.client, *now); !first)
      return request->done(pass_on(first));
  }
  // Not before: what is sent again and again must use nothing up.
  const auto place = parts_.ledger.statuses.next(decision->issued.expires_at);
  if (!place) return request->done(tl::unexpected<Error>(place.error()));
  decision->issued.list = place->list;
  decision->issued.index = place->index;
  sign(request, std::move(*decision));
}

Result<Issuance::Decision> Issuance::decide(const Request& request, Moment now) const {
  const std::uint64_t revocations = parts_.ledger.revoker.epoch();
  auto keys = parts_.keyring.snapshot();
  if (!keys) return fail(Code::keys_not_ready, "the signing keys are not ready yet");
  auto draft = request.decide(*keys, now);
  if (!draft) return pass_on(draft);
  const keyring::KeyKind kind{hsm::Purpose::access_token, draft->algorithm};
  if (const auto key = keyring::Snapshot::current_of(keys, kind); !key)
    return tl::unexpected<Error>(key.error());
  const std::string& client = draft->client.client_id();
  const auto issued_at = first_good_moment(parts_.ledger, client, now);
  if (!issued_at) return tl::unexpected<Error>(issued_at.error());
  audit::Issued issued{.jti = jose::base64url(random_bytes(jti_octets)),
                       .device = client,
                       .audience = draft->audience,
                       .kid = "",
                       .rule = draft->rule,
                       .issued_at = *issued_at,
                       .expires_at = now + draft->life,
                       .ends_with_evidence = draft->ends_with_evidence};
  return Decision{revocations, std::move(keys), kind, std::move(*draft), std::move(issued)};
}

Result<void> Issuance::spend(const AuthenticatedClient& client, Moment now) {
  if (auto first = parts_.authentication.use_up(client, now); !first) return first;
  // After that: nobody uses up what is another's.
  if (parts_.rate == nullptr) return {};
  return parts_.rate->take(client.client_id(), RateLimit::Clock::now());
}

void Issuance::sign(const std::shared_ptr<Request>& request, Decision decided) {
  const auto decision = std::make_shared<Decision>(std::move(decided));
  parts_.stores.sign_jws(
      decision->keys, decision->kind,
      [this, decision](const keyring::PublishedKey& key) {
        decision->issued.kid = key.kid();  // The last that is asked is the one that signs.
        return input(*decision, key);
      },
      request->deadline,
      [this, request, decision](Result<std::string> token) {
        log(request, decision, std::move(token));
      });
}

std::string Issuance::input(const Decision& decision, const keyring::PublishedKey& key) const {
  const audit::Issued& issued = decision.issued;
  const Json header = {
      {"typ", "at+jwt"}, {"alg", jose::name_of(key.public_key.algorithm())}, {"kid", key.kid()}};
  // RFC 9068 §2.2.
  Json claims = decision.draft.further_claims;
  claims["iss"] = options_.issuer;
  claims["aud"] = issued.audience;
  claims["sub"] = issued.device;
  claims["client_id"] = issued.device;
  claims["iat"] = to_unix(issued.issued_at);
  claims["exp"] = to_unix(issued.expires_at);
  claims["jti"] = issued.jti;
  claims["scope"] = joined(decision.draft.scopes);
  claims["cnf"] = confirmation_of(decision.draft.client);
  claims["status"] = status_claim(options_.issuer, issued);
  return jose::signing_input(header, claims);
}

bool Issuance::still_stands(const Decision& decision) const {
  return decision.draft.still_stands() && parts_.keyring.snapshot() == decision.keys &&
         parts_.ledger.revoker.epoch() == decision.revocations &&
         is_good(parts_.ledger, decision.issued);
}

void Issuance::log(const std::shared_ptr<Request>& request,
                   const std::shared_ptr<Decision>& decision, Result<std::string> token) {
  if (!token) {
    // A key that was taken away in between is no failure: another one signs now.
    const bool moved = parts_.keyring.snapshot() != decision->keys;
    if (moved && request->attempts < most_attempts && !request->deadline.passed())
      return attempt(request);
    return request->done(pass_on(token));
  }
  if (!still_stands(*decision)) return decide_again(request);  // It need not wait for the disk.
  // First, so that a revocation that the last look does not see yet meets it.
  parts_.ledger.live.put(decision->issued);
  parts_.ledger.log.append(decision->issued, [this, request, decision, token = std::move(*token)](
                                                 Result<void> logged) mutable {
    if (logged) return release(request, *decision, std::move(token));
    parts_.ledger.live.remove(decision->issued.jti);
    request->done(pass_on(logged));
  });
}

void Issuance::release(const std::shared_ptr<Request>& request, const Decision& decision,
                       std::string token) {
  {
    const auto passage = parts_.gate.enter();
    if (still_stands(decision)) {
      const TokenDraft& draft = decision.draft;
      return request->done(
          IssuedToken{std::move(token), token_type_of(draft.client), draft.life, draft.scopes});
    }
  }
  parts_.ledger.live.remove(decision.issued.jti);
  if (!parts_.elsewhere) return decide_again(request);
  parts_.elsewhere([this, request] { decide_again(request); });
}

void Issuance::decide_again(const std::shared_ptr<Request>& request) {
  if (request->attempts < most_attempts) return attempt(request);
  request->done(fail(Code::decision_moving,
                     "what this token was decided by, the client, keys, policy or revocations, "
                     "changed again and again during this request"));
}

}  // namespace mintmark::issuer
