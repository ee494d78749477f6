#include "issuer/enrolment.h"

#include "attest/tpm2/binding.h"
#include "telemetry/log.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t secret_octets = 32;

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
Result<void> follow(const store::DeviceRecord& known, const attest::Facts& before,
                    attest::Facts& facts, Moment now) {
  facts.reboot_seen = before.reboot_seen;
  switch (attest::passage_between(before, facts)) {
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
  return {};
}

}  // namespace

Enrolment::Enrolment(EnrolmentOptions options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      tickets_(parts_.clock),
      replay_(parts_.clock.now()),
      admitting_(options_.admitting, {parts_.clock, parts_.keyring, parts_.devices, parts_.stores,
                                      parts_.policies, parts_.gate}) {}

Result<attest::tpm2::Candidate> Enrolment::candidate_of(const attest::tpm2::Presented& presented,
                                                        Moment now) const {
  const auto trust = parts_.trust.present();
  if (!trust->ek) return fail(Code::not_found, "no TPM enrols here (enrolment.tpm2)");
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
  // What an earlier process took came with a ticket that this one cannot open.
  if (auto fresh = replay_.remember(*proof, now, true); !fresh) return pass_on(fresh);
  return verdict;
}

void Enrolment::finish(const FinishCall& call, hsm::Done<EnrolmentOutcome> done) {
  // Before the ticket is used up: where nothing is minted, nothing is lost.
  const auto moment = parts_.clock.minting_moment();
  if (!moment) return done(tl::unexpected<Error>(moment.error()));
  const Moment now = *moment;
  const auto verdict = judge(call, now);
  if (!verdict) return done(tl::unexpected<Error>(verdict.error()));
  admitting_.admit(*verdict,
                   {call.ticket, call.address, now,
                    [now](const store::DeviceRecord& known, const attest::Facts& before,
                          attest::Facts& facts) { return follow(known, before, facts, now); }},
                   std::move(done));
}

}  // namespace mintmark::issuer
