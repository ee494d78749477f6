#include "issuer/mint.h"

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t jti_octets = 16;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Issuer::Issuer(MintOptions options, Parts parts)
    : options_(std::move(options)), parts_(std::move(parts)), replay_(parts_.clock.now()) {}

void Issuer::mint(const TokenCall& call, hsm::Done<IssuedToken> done) {
  const Moment now = parts_.clock.now();
  const auto keys = parts_.keyring.snapshot();
  const keyring::PublishedKey* key = keys ? keys->current(hsm::Purpose::access_token) : nullptr;
  if (key == nullptr) return done(fail(Code::keys_not_ready, "the signing keys are not ready yet"));

  auto attestation = attestations_.recognise(call.client_attestation, *keys, now);
  if (!attestation) return done(pass_on(attestation));
  if (call.client_id && *call.client_id != (*attestation)->client_id()) {
    return done(fail(Code::client_id_mismatch, "client_id is not the attestation's sub"));
  }

  auto proof =
      verify::check_proof(call.proof, {.method = "POST", .url = options_.token_url, .now = now});
  if (!proof) return done(pass_on(proof));
  if (proof->jkt() != (*attestation)->jkt()) {
    return done(fail(Code::proof_key_mismatch,
                     "the DPoP proof is by another key than the client attestation's cnf.jwk"));
  }

  const auto record = parts_.devices.find((*attestation)->client_id());
  if (!record)
    return done(fail(Code::device_unknown, "this device is not enrolled here; enrol it again"));
  const auto device = attest::check_standing(*record, proof->jkt(), options_.freshness, now);
  if (!device) return done(tl::unexpected<Error>(device.error()));

  const auto grant = parts_.policy->decide(*device, call.wanted, options_.longest_life);
  if (!grant) return done(tl::unexpected<Error>(grant.error()));

  // Last before anything is spent: what is refused for another reason may be sent again.
  if (auto fresh = replay_.remember(*proof, now); !fresh) return done(pass_on(fresh));

  IssuedToken issued{{}, grant->life(), grant->scopes()};
  parts_.stores.sign_jws(
      keys, *key, claims_input(*key, *device, *grant, now), Deadline::in(options_.sign_deadline),
      [issued = std::move(issued), done = std::move(done)](Result<std::string> token) mutable {
        if (!token) return done(pass_on(token));
        issued.token = std::move(*token);
        done(std::move(issued));
      });
}

std::string Issuer::claims_input(const keyring::PublishedKey& key,
                                 const attest::AttestedDevice& device, const policy::Grant& grant,
                                 Moment now) const {
  const attest::RecordedDevice& record = device.record();
  const Json header = {
      {"typ", "at+jwt"}, {"alg", jose::name_of(key.public_key.algorithm())}, {"kid", key.kid()}};
  // RFC 9068 §2.2; `attestation` says how the device proved itself and when.
  const Json claims = {
      {"iss", options_.issuer},
      {"aud", grant.audience()},
      {"sub", record.id},
      {"client_id", record.id},
      {"iat", to_unix(now)},
      {"exp", to_unix(now + grant.life())},
      {"jti", jose::base64url(random_bytes(jti_octets))},
      {"scope", joined(grant.scopes())},
      {"cnf", {{"jkt", record.jkt}}},
      {"key_protection", record.facts.key_protection},
      {"attestation", {{"format", record.facts.format}, {"at", to_unix(record.attested_at)}}}};
  return jose::signing_input(header, claims);
}

}  // namespace mintmark::issuer
