#include "issuer/enrolment.h"

#include "attest/tpm2/binding.h"
#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t secret_octets = 32;
constexpr std::size_t device_id_octets = 16;

}  // namespace

Enrolment::Enrolment(EnrolmentOptions options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      tickets_(parts_.clock),
      replay_(parts_.clock.now()) {}

Result<BeginAnswer> Enrolment::begin(const attest::tpm2::Presented& presented) {
  const auto candidate =
      attest::tpm2::check_candidate(presented, *parts_.trust, parts_.clock.now());
  if (!candidate) return tl::unexpected<Error>(candidate.error());
  Bytes random = random_bytes(secret_octets);
  const Secret secret = Secret::take(random);
  auto challenge = attest::tpm2::make_challenge(*candidate, secret.view());
  if (!challenge) return pass_on(challenge);
  return BeginAnswer{tickets_.seal(secret, candidate->hash()), std::move(*challenge)};
}

Result<attest::Verdict> Enrolment::judge(const FinishCall& call, Moment now) {
  auto proof =
      verify::check_proof(call.proof, {.method = "POST", .url = options_.finish_url, .now = now});
  if (!proof) return pass_on(proof);
  auto ticket = tickets_.open(call.ticket);
  if (!ticket) return pass_on(ticket);
  const auto candidate = attest::tpm2::check_candidate(call.presented, *parts_.trust, now);
  if (!candidate) return tl::unexpected<Error>(candidate.error());
  if (!equal_in_constant_time(candidate->hash(), ticket->began_with)) {
    return fail(Code::ticket_other_keys,
                "the ticket was given for another EK certificate, AK or device key; begin again");
  }
  const Sha256 binding =
      attest::tpm2::binding_of(options_.issuer, call.ticket, candidate->ek_spki(),
                               candidate->ak_name(), candidate->device_name());
  auto verdict = attest::tpm2::check_answer(*candidate, call.answer, ticket->secret.view(), binding,
                                            options_.pcrs, now);
  if (!verdict) return verdict;
  if (proof->jkt() != verdict->device_key().thumbprint()) {
    return fail(Code::proof_key_mismatch,
                "the DPoP proof is by another key than the attested device key");
  }
  if (auto fresh = replay_.remember(*proof, now); !fresh) return pass_on(fresh);
  return verdict;
}

Result<store::DeviceRecord> Enrolment::record(const attest::Verdict& verdict,
                                              const std::string& ticket, Moment now) {
  store::DeviceRecord device;
  device.id = jose::base64url(random_bytes(device_id_octets));
  device.format = verdict.facts().format;
  device.identity = verdict.identity();
  device.jkt = verdict.device_key().thumbprint();
  device.public_jwk = verdict.device_key().to_jwk().dump();
  device.facts = attest::to_json(verdict.facts()).dump();
  device.labels = "{}";
  device.state = "enrolled";
  device.enrolled_at = now;
  device.attested_at = verdict.at();
  const std::lock_guard lock(recording_);
  auto written = parts_.store.enrol(device, to_hex(sha256(ticket)), now + TicketSealer::life);
  if (!written) return written;
  auto parsed = parse_record(*written);
  if (!parsed) return pass_on(parsed);
  parts_.devices.put(std::move(*parsed));
  return written;
}

void Enrolment::finish(const FinishCall& call, hsm::Done<EnrolledDevice> done) {
  const Moment now = parts_.clock.now();
  const auto keys = parts_.keyring.snapshot();
  const keyring::PublishedKey* key =
      keys ? keys->current(hsm::Purpose::client_attestation) : nullptr;
  if (key == nullptr) return done(fail(Code::keys_not_ready, "the signing keys are not ready yet"));

  const auto verdict = judge(call, now);
  if (!verdict) return done(tl::unexpected<Error>(verdict.error()));
  const auto device = record(*verdict, call.ticket, now);
  if (!device) return done(tl::unexpected<Error>(device.error()));

  const Json header = {{"typ", "oauth-client-attestation+jwt"},
                       {"alg", jose::name_of(key->public_key.algorithm())},
                       {"kid", key->kid()}};
  const Json claims = {{"sub", device->id},
                       {"iat", to_unix(now)},
                       {"exp", to_unix(now + options_.freshness)},
                       {"cnf", {{"jwk", verdict->device_key().to_jwk()}}}};
  EnrolledDevice enrolled{device->id, {}, options_.freshness};
  parts_.stores.sign_jws(
      keys, *key, jose::signing_input(header, claims), Deadline::in(options_.sign_deadline),
      [enrolled = std::move(enrolled), done = std::move(done)](Result<std::string> token) mutable {
        if (!token) return done(pass_on(token));
        enrolled.client_attestation = std::move(*token);
        done(std::move(enrolled));
      });
}

}  // namespace mintmark::issuer
