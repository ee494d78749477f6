#include "issuer/enrolment.h"

#include "attest/standing.h"
#include "attest/tpm2/binding.h"
#include "issuer/boot_judge.h"
#include "jose/base64url.h"
#include "jose/jws.h"
#include "telemetry/log.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t secret_octets = 32;
/// Each one is a signature.
constexpr unsigned most_attempts = 4;
constexpr std::size_t device_id_octets = 16;

const char* name_of(EkRule::Kind kind) { return kind == EkRule::Kind::rsa ? "RSA" : "ECC"; }

// A certified AK needs no such rule: its authority knows which EK it saw.
Result<void> check_ek_kind(const EkRule& rule, const attest::tpm2::Candidate& candidate) {
  const attest::tpm2::Endorsement* endorsement = candidate.endorsement();
  if (endorsement == nullptr) return {};
  const auto own = rule.by_root.find(endorsement->chain.root);
  const EkRule::Kind wanted = own == rule.by_root.end() ? rule.usual : own->second;
  const EkRule::Kind shown =
      attest::tpm2::is_rsa(endorsement->kind) ? EkRule::Kind::rsa : EkRule::Kind::ecc;
  if (shown == wanted) return {};
  return fail(Code::ek_kind_refused,
              std::string("TPMs of this manufacturer enrol here with their ") + name_of(wanted) +
                  " EK, this is the " + name_of(shown) + " one; enrol with --ek " +
                  (wanted == EkRule::Kind::rsa ? "rsa" : "ecc"));
}

// What one TPM says now, after what it said before: a reboot is noticed, and what no TPM does.
Result<void> follow(const store::DeviceRecord& known, attest::Facts facts, Moment now,
                    store::DeviceRecord& attested) {
  const auto json = parse_json(known.facts);
  const auto before = json ? attest::facts_from_json(*json)
                           : Result<attest::Facts>(tl::unexpected<Error>(json.error()));
  if (!before) return {};
  facts.reboot_seen = before->reboot_seen;
  switch (attest::passage_between(*before, facts)) {
    case attest::Passage::went_back:
      return fail(Code::quote_went_back,
                  "a counter or the clock of this TPM is behind what it was at the last "
                  "attestation by the same key: it was set back, or is another one");
    case attest::Passage::rebooted:
      facts.reboot_seen = static_cast<std::uint64_t>(to_unix(now));
      telemetry::log(telemetry::Level::info, "device_rebooted", {{"device", known.id}});
      break;
    default:
      break;
  }
  attested.facts = attest::to_json(facts).dump();
  return {};
}

}  // namespace

Enrolment::Enrolment(EnrolmentOptions options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      tickets_(parts_.clock),
      replay_(parts_.clock.now()) {}

Result<attest::tpm2::Candidate> Enrolment::candidate_of(const attest::tpm2::Presented& presented,
                                                        Moment now) const {
  const auto trust = parts_.trust.present();
  auto candidate = attest::tpm2::check_candidate(presented, {*trust->ek, trust->ak.get()}, now);
  if (!candidate) return candidate;
  if (auto fits = check_ek_kind(options_.ek, *candidate); !fits) return pass_on(fits);
  return candidate;
}

Result<BeginAnswer> Enrolment::begin(const attest::tpm2::Presented& presented) {
  const auto candidate = candidate_of(presented, parts_.clock.now());
  if (!candidate) return tl::unexpected<Error>(candidate.error());
  // The firmware's also where no rule asks for it yet: rules are made from what was seen.
  BeginAnswer answer{"", {"eventlog"}, {}};
  if (parts_.policies.present()->wanted_logs().ima_log) answer.logs.emplace_back("ima");
  Bytes random = random_bytes(secret_octets);
  const Secret secret = Secret::take(random);
  if (candidate->endorsement() != nullptr) {
    auto challenge = attest::tpm2::make_challenge(*candidate, secret.view());
    if (!challenge) return pass_on(challenge);
    answer.challenge = std::move(*challenge);
  }
  answer.ticket = tickets_.seal(secret, candidate->hash());
  return answer;
}

Result<attest::Verdict> Enrolment::judge(const FinishCall& call, Moment now) {
  auto proof =
      verify::check_proof(call.proof, {.method = "POST", .url = options_.finish_url, .now = now});
  if (!proof) return pass_on(proof);
  auto ticket = tickets_.open(call.ticket);
  if (!ticket) return pass_on(ticket);
  const auto candidate = candidate_of(call.presented, now);
  if (!candidate) return tl::unexpected<Error>(candidate.error());
  if (!equal_in_constant_time(candidate->hash(), ticket->began_with)) {
    return fail(
        Code::ticket_other_keys,
        "the ticket was given for other certificates, another AK or device key; begin again");
  }
  const Sha256 binding = attest::tpm2::binding_of(options_.issuer, call.ticket, candidate->spki(),
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

store::Admission Enrolment::admission_of(const attest::Verdict& verdict, const FinishCall& call,
                                         Moment now) const {
  store::Admission admission;
  store::DeviceRecord& device = admission.device;
  device.id = jose::random_name(device_id_octets);
  device.format = verdict.facts().format;
  device.identity = verdict.identity();
  device.jkt = verdict.device_key().thumbprint();
  device.public_jwk = verdict.device_key().to_jwk().dump();
  device.facts = attest::to_json(verdict.facts()).dump();
  device.root = verdict.facts().root;
  device.attested_at = verdict.at();
  admission.ticket_hash = to_hex(sha256(call.ticket));
  admission.ticket_expires = now + TicketSealer::life;
  // Where nobody trusted vouches a person has the last word, whatever the mode.
  const bool review = verdict.facts().standing == "review";
  admission.mode = review ? store::EnrolmentMode::approve : options_.admission.mode;
  admission.limits = options_.admission.pending;
  admission.address = call.address;
  admission.follow = [facts = verdict.facts(), now](const store::DeviceRecord& known,
                                                    store::DeviceRecord& attested) {
    return follow(known, facts, now, attested);
  };
  return admission;
}

void Enrolment::finish(const FinishCall& call, hsm::Done<EnrolmentOutcome> done) {
  // Before the ticket is used up: where nothing is minted, nothing is lost.
  const auto moment = parts_.clock.minting_moment();
  if (!moment) return done(tl::unexpected<Error>(moment.error()));
  const Moment now = *moment;
  const auto verdict = judge(call, now);
  if (!verdict) return done(tl::unexpected<Error>(verdict.error()));
  admit(*verdict, admission_of(*verdict, call, now), std::move(done));
}

void Enrolment::admit(const attest::Verdict& verdict, store::Admission admission,
                      hsm::Done<EnrolmentOutcome> done) {
  std::shared_ptr<BootJudge> boot;
  if (verdict.boot()) {
    boot = std::make_shared<BootJudge>(parts_.policies.present(), verdict);
    admission.judge_boot = [boot](const store::DeviceRecord* known, const store::Boot* good) {
      return boot->judge(known, good);
    };
  }
  parts_.devices.change(
      [admission = std::move(admission)](store::DeviceStore& store) {
        return store.admit(admission);
      },
      [this, boot, jwk = verdict.device_key().to_jwk(),
       done = std::move(done)](Result<store::DeviceRecord> device) mutable {
        if (!device) return done(pass_on(device));
        if (boot) boot->report(device->id);
        if (auto refused = boot ? boot->refusal() : std::nullopt; refused)
          return done(tl::unexpected<Error>(std::move(*refused)));
        if (device->state == "pending") return done(PendingDevice{device->identity});
        attest_client(std::make_shared<Attestation>(Attestation{*device, jwk, std::move(done), 0}));
      });
}

void Enrolment::attest_client(const std::shared_ptr<Attestation>& wanted) {
  const keyring::KeyKind kind{hsm::Purpose::client_attestation, options_.attestation_algorithm};
  const auto moment = parts_.clock.minting_moment();
  if (!moment) return wanted->done(tl::unexpected<Error>(moment.error()));
  const Moment now = *moment;
  const store::DeviceRecord& device = wanted->device;
  // No longer than the evidence is fresh.
  const Moment expires =
      device.attested_at + attest::freshness_of(device.fresh_for, options_.freshness);
  const Json claims = {{"sub", device.id},
                       {"iat", to_unix(now)},
                       {"exp", to_unix(expires)},
                       {"cnf", {{"jwk", wanted->jwk}}}};
  const auto keys = parts_.keyring.snapshot();
  ++wanted->attempts;
  parts_.stores.sign_jws(
      keys, kind,
      [claims](const keyring::PublishedKey& key) {
        const Json header = {{"typ", "oauth-client-attestation+jwt"},
                             {"alg", jose::name_of(key.public_key.algorithm())},
                             {"kid", key.kid()}};
        return jose::signing_input(header, claims);
      },
      Deadline::in(options_.sign_deadline),
      [this, wanted, keys, life = expires - now](Result<std::string> token) {
        release(wanted, keys, life, std::move(token));
      });
}

void Enrolment::release(const std::shared_ptr<Attestation>& wanted,
                        const std::shared_ptr<const keyring::Snapshot>& keys,
                        std::chrono::seconds life, Result<std::string> token) {
  {
    const auto passage = parts_.gate.enter();
    const bool still = parts_.keyring.snapshot() == keys;
    if (token && still)
      return wanted->done(EnrolledDevice{wanted->device.id, std::move(*token), life});
    if (still) return wanted->done(pass_on(token));
  }
  // A key was taken back, or its successor signs: this one would be of no use.
  if (wanted->attempts < most_attempts) return attest_client(wanted);
  wanted->done(
      fail(Code::decision_moving, "the signing keys changed again and again during this request"));
}

}  // namespace mintmark::issuer
