#include "issuer/mint.h"

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

/// What a token was granted by, and the token as it is logged. The three that can move are kept,
/// which makes their addresses theirs alone: whether they moved is seen by comparing.
struct Issuer::Decision {
  std::uint64_t revocations;
  std::shared_ptr<const keyring::Snapshot> keys;
  std::shared_ptr<const attest::RecordedDevice> device;
  std::shared_ptr<const policy::Policy> policy;
  keyring::KeyKind kind;
  AuthenticatedClient client;
  policy::Grant grant;
  audit::Issued issued;
};

struct Issuer::Request {
  TokenCall call;
  hsm::Done<IssuedToken> done;
  Deadline deadline;
  unsigned attempts = 0;
};

Issuer::Issuer(MintOptions options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      authentication_({.issuer = options_.issuer,
                       .token_url = options_.token_url,
                       .challenges_required = options_.challenges_required,
                       .mutual_tls = options_.mutual_tls},
                      parts_.clock, parts_.devices, parts_.services) {}

void Issuer::mint(TokenCall call, hsm::Done<IssuedToken> done) {
  attempt(std::make_shared<Request>(
      Request{std::move(call), std::move(done), Deadline::in(options_.sign_deadline)}));
}

void Issuer::attempt(std::shared_ptr<Request> request) {
  const auto moment = parts_.clock.minting_moment();
  if (!moment) return request->done(tl::unexpected<Error>(moment.error()));
  const Moment now = *moment;
  auto decision = decide(request->call, now);
  if (!decision) return request->done(pass_on(decision));
  // Last before anything is spent, and once: what is refused for another reason may be sent again.
  if (request->attempts++ == 0) {
    if (auto first = spend(decision->client, now); !first) return request->done(pass_on(first));
  }
  // Not before: what is sent again and again must use nothing up.
  const auto place = parts_.ledger.statuses.next(decision->issued.expires_at);
  if (!place) return request->done(tl::unexpected<Error>(place.error()));
  decision->issued.list = place->list;
  decision->issued.index = place->index;
  sign(std::move(request), std::move(*decision));
}

Result<Issuer::Decision> Issuer::decide(const TokenCall& call, Moment now) {
  const std::uint64_t revocations = parts_.ledger.revoker.epoch();
  auto keys = parts_.keyring.snapshot();
  if (!keys) return fail(Code::keys_not_ready, "the signing keys are not ready yet");

  auto client = authentication_.check(call.credentials, *keys, now);
  if (!client) return pass_on(client);

  auto record = parts_.devices.find(client->client_id());
  if (!record)
    return fail(Code::device_unknown, "this device is not enrolled here; enrol it again");
  const auto device =
      attest::check_standing(*record, client->device_jkt(), options_.freshness, now);
  if (!device) return tl::unexpected<Error>(device.error());

  auto policy = parts_.policies.present();
  policy::TokenRequest wanted = call.wanted;
  wanted.session_key = client->has_session_key();
  wanted.now = now;
  wanted.evidence_until = device->evidence_until();
  wanted.certificate_until = client->certificate_until();
  auto grant = policy->decide(*device, wanted, options_.longest_life);
  if (!grant) return pass_on(grant);
  const keyring::KeyKind kind{hsm::Purpose::access_token,
                              options_.algorithms.of_token_for(grant->audience())};
  if (const auto key = keyring::Snapshot::current_of(keys, kind); !key)
    return tl::unexpected<Error>(key.error());
  const auto issued_at = first_good_moment(parts_.ledger, record->id, now);
  if (!issued_at) return tl::unexpected<Error>(issued_at.error());
  audit::Issued issued{.jti = jose::base64url(random_bytes(jti_octets)),
                       .device = record->id,
                       .audience = grant->audience(),
                       .kid = "",
                       .rule = grant->rule(),
                       .issued_at = *issued_at,
                       .expires_at = now + grant->life(),
                       .ends_with_evidence = grant->ends_with_evidence()};
  return Decision{revocations, std::move(keys),    std::move(record), std::move(policy),
                  kind,        std::move(*client), std::move(*grant), std::move(issued)};
}

Result<void> Issuer::spend(const AuthenticatedClient& client, Moment now) {
  if (auto first = authentication_.use_up(client, now); !first) return first;
  // After that: nobody uses up what is another's.
  if (parts_.rate == nullptr) return {};
  return parts_.rate->take(client.client_id(), RateLimit::Clock::now());
}

void Issuer::sign(std::shared_ptr<Request> request, Decision decided) {
  const Deadline deadline = request->deadline;
  auto decision = std::make_shared<Decision>(std::move(decided));
  parts_.stores.sign_jws(
      decision->keys, decision->kind,
      [this, decision](const keyring::PublishedKey& key) {
        decision->issued.kid = key.kid();  // The last that is asked is the one that signs.
        return claims_input(*decision, key);
      },
      deadline,
      [this, request = std::move(request), decision](Result<std::string> token) {
        log(request, decision, std::move(token));
      });
}

bool Issuer::still_stands(const Decision& decision) const {
  return parts_.devices.find(decision.client.client_id()) == decision.device &&
         parts_.keyring.snapshot() == decision.keys &&
         parts_.policies.present() == decision.policy &&
         parts_.ledger.revoker.epoch() == decision.revocations &&
         is_good(parts_.ledger, decision.issued);
}

void Issuer::log(const std::shared_ptr<Request>& request, const std::shared_ptr<Decision>& decision,
                 Result<std::string> token) {
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

void Issuer::release(const std::shared_ptr<Request>& request, const Decision& decision,
                     std::string token) {
  {
    const auto passage = parts_.gate.enter();
    if (still_stands(decision)) {
      return request->done(IssuedToken{std::move(token), token_type_of(decision.client),
                                       decision.grant.life(), decision.grant.scopes()});
    }
  }
  parts_.ledger.live.remove(decision.issued.jti);
  if (!parts_.elsewhere) return decide_again(request);
  parts_.elsewhere([this, request] { decide_again(request); });
}

void Issuer::decide_again(const std::shared_ptr<Request>& request) {
  if (request->attempts < most_attempts) return attempt(request);
  request->done(fail(Code::decision_moving,
                     "devices, keys, policy or revocations changed again and again during this "
                     "request"));
}

std::string Issuer::claims_input(const Decision& decision, const keyring::PublishedKey& key) const {
  const attest::RecordedDevice& record = *decision.device;
  const policy::Grant& grant = decision.grant;
  const Json header = {
      {"typ", "at+jwt"}, {"alg", jose::name_of(key.public_key.algorithm())}, {"kid", key.kid()}};
  // RFC 9068 §2.2; `key_protection` speaks of the key in `cnf`, `attestation` of the device's own.
  const Json claims = {
      {"iss", options_.issuer},
      {"aud", grant.audience()},
      {"sub", record.id},
      {"client_id", record.id},
      {"iat", to_unix(decision.issued.issued_at)},
      {"exp", to_unix(decision.issued.expires_at)},
      {"jti", decision.issued.jti},
      {"scope", joined(grant.scopes())},
      {"cnf", confirmation_of(decision.client)},
      {"status", status_claim(options_.issuer, decision.issued)},
      {"key_protection", decision.client.has_session_key() ? "session" : grant.key_protection()},
      {"attestation",
       {{"format", record.facts.format},
        {"at", to_unix(record.attested_at)},
        {"key_protection", record.facts.key_protection}}}};
  return jose::signing_input(header, claims);
}

}  // namespace mintmark::issuer
