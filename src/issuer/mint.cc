#include "issuer/mint.h"

namespace mintmark::issuer {

Issuer::Issuer(MintOptions options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      authentication_({.issuer = options_.issuer,
                       .token_url = options_.token_url,
                       .challenges_required = options_.challenges_required,
                       .mutual_tls = options_.mutual_tls},
                      parts_.clock, parts_.devices, parts_.services),
      issuance_({options_.issuer, options_.sign_deadline},
                {parts_.clock, parts_.keyring, parts_.stores, parts_.gate, parts_.ledger,
                 authentication_, parts_.rate, parts_.elsewhere}) {}

void Issuer::mint(TokenCall call, hsm::Done<IssuedToken> done) {
  issuance_.issue([this, call = std::move(call)](const keyring::Snapshot& keys,
                                                 Moment now) { return decide(call, keys, now); },
                  std::move(done));
}

Result<TokenDraft> Issuer::decide(const TokenCall& call, const keyring::Snapshot& keys,
                                  Moment now) {
  auto client = authentication_.check(call.credentials, keys, now);
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
  const auto grant = policy->decide(*device, wanted, options_.longest_life);
  if (!grant) return tl::unexpected<Error>(grant.error());

  // `key_protection` speaks of the key in `cnf`, `attestation` of the device's own.
  Json further = {
      {"key_protection", client->has_session_key() ? "session" : grant->key_protection()},
      {"attestation",
       {{"format", record->facts.format},
        {"at", to_unix(record->attested_at)},
        {"key_protection", record->facts.key_protection}}}};
  // Both are kept, which makes their addresses theirs alone: whether they moved is seen by
  // comparing.
  auto still_stands = [this, record, policy] {
    return parts_.devices.find(record->id) == record && parts_.policies.present() == policy;
  };
  return TokenDraft{.client = std::move(*client),
                    .algorithm = options_.algorithms.of_token_for(grant->audience()),
                    .audience = grant->audience(),
                    .scopes = grant->scopes(),
                    .life = grant->life(),
                    .rule = grant->rule(),
                    .ends_with_evidence = grant->ends_with_evidence(),
                    .further_claims = std::move(further),
                    .still_stands = std::move(still_stands)};
}

}  // namespace mintmark::issuer
