#include "issuer/admitting.h"

#include "attest/standing.h"
#include "issuer/boot_judge.h"
#include "issuer/ticket.h"
#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

/// Each one is a signature.
constexpr unsigned most_attempts = 4;
constexpr std::size_t device_id_octets = 16;

Result<void> follow(const Follow& may, const store::DeviceRecord& known, attest::Facts facts,
                    store::DeviceRecord& attested) {
  const auto json = parse_json(known.facts);
  const auto before = json ? attest::facts_from_json(*json)
                           : Result<attest::Facts>(tl::unexpected<Error>(json.error()));
  if (!before) return tl::unexpected<Error>(before.error());
  if (auto may_follow = may(known, *before, facts); !may_follow) return may_follow;
  attested.facts = attest::to_json(facts).dump();
  return {};
}

}  // namespace

store::Admission Admitting::admission_of(const attest::Verdict& verdict, Request request) const {
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
  admission.ticket_hash = to_hex(sha256(request.ticket));
  admission.ticket_expires = request.now + TicketSealer::life;
  // Where nobody trusted vouches a person has the last word, whatever the mode.
  const bool review = verdict.facts().standing == "review";
  admission.mode = review ? store::EnrolmentMode::approve : options_.rules.mode;
  admission.limits = options_.rules.pending;
  admission.new_per_root_per_hour = options_.rules.new_per_root_per_hour;
  admission.address = std::move(request.address);
  if (!request.follow) return admission;
  admission.follow = [facts = verdict.facts(), may = std::move(request.follow)](
                         const store::DeviceRecord& known, store::DeviceRecord& attested) {
    return follow(may, known, facts, attested);
  };
  return admission;
}

void Admitting::admit(const attest::Verdict& verdict, Request request,
                      hsm::Done<EnrolmentOutcome> done) {
  if (auto free = parts_.devices.check_key(verdict.device_key().thumbprint()); !free)
    return done(pass_on(free));
  store::Admission admission = admission_of(verdict, std::move(request));
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
        if (device->state == "pending") return done(PendingDevice{device->identity, device->id});
        attest_client(std::make_shared<Attestation>(Attestation{*device, jwk, std::move(done), 0}));
      });
}

void Admitting::attest_client(const std::shared_ptr<Attestation>& wanted) {
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

void Admitting::release(const std::shared_ptr<Attestation>& wanted,
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
