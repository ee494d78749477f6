#include "issuer/evidence_enrolment.h"

#include "attest/binding.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t ticket_secret_octets = 32;  // Of no use here: nothing has to be opened.

/// What evidence and ticket name of the token's key.
std::string named_key(const attest::Format& format, const jose::PublicKey& key) {
  return format.attests_the_key() ? "" : key.thumbprint();
}

Sha256 began_with(const std::string& format, const std::string& key) {
  return sha256("mintmark " + format + " ticket v1 " + key);
}

}  // namespace

EvidenceEnrolment::EvidenceEnrolment(std::string issuer, AdmittingOptions options, Parts parts)
    : issuer_(std::move(issuer)),
      parts_(std::move(parts)),
      tickets_(parts_.admitting.clock),
      replay_(parts_.admitting.clock.now()),
      admitting_(std::move(options), parts_.admitting) {}

Result<EvidenceEnrolment::FormatInForce> EvidenceEnrolment::format_named(
    const std::string& name) const {
  const auto roots = parts_.trust.present();
  const auto found = roots->formats.find(name);
  if (found != roots->formats.end()) return found->second;
  return fail(Code::not_found, "this issuer takes no evidence of the format " + printable(name) +
                                   "; its operator can (enrolment." + printable(name) + ")");
}

Result<std::string> EvidenceEnrolment::begin(const std::string& format,
                                             const std::optional<jose::PublicKey>& key) {
  const auto taken = format_named(format);
  if (!taken) return tl::unexpected<Error>(taken.error());
  if (!key && !(*taken)->attests_the_key())
    return fail(Code::request_member_missing, "jwk must be an object");
  Bytes random = random_bytes(ticket_secret_octets);
  return tickets_.seal(Secret::take(random),
                       began_with(format, key ? named_key(**taken, *key) : std::string()));
}

Result<verify::ProvenRequest> EvidenceEnrolment::check_possession(const attest::Format& format,
                                                                  const EvidenceFinishCall& call,
                                                                  Moment now) {
  auto proof = verify::check_proof(call.proof,
                                   {.method = "POST", .url = finish_url(call.format), .now = now});
  if (!proof) return proof;
  // An RSA key that cannot do what its jwk says would be of no use later.
  if (!(proof->key() == call.key)) {
    return fail(Code::key_not_possessed,
                "the DPoP proof is by another key, or for another algorithm, than the one to be "
                "enrolled");
  }
  // What ties the proof to this enrolment; without it one seen elsewhere would do.
  if (proof->nonce() != call.ticket)
    return fail(Code::ticket_unbound, "the DPoP proof's nonce is not the ticket");
  const auto ticket = tickets_.open(call.ticket);
  if (!ticket) return tl::unexpected<Error>(ticket.error());
  if (!equal_in_constant_time(began_with(call.format, named_key(format, call.key)),
                              ticket->began_with)) {
    return fail(Code::ticket_other_keys,
                "the ticket was given for another key or format; begin again");
  }
  return proof;
}

Result<attest::Verdict> EvidenceEnrolment::judge(const attest::Format& format,
                                                 const EvidenceFinishCall& call, Moment now) {
  const auto proof = check_possession(format, call, now);
  if (!proof) return tl::unexpected<Error>(proof.error());
  const Sha256 binding =
      attest::binding_of(call.format, issuer_, call.ticket, named_key(format, call.key));
  auto verdict = format.check({call.evidence, binding, call.key, now,
                               [this](const std::string& id) { return parts_.devices.find(id); }});
  if (!verdict) return verdict;
  if (auto fresh = replay_.remember(*proof, now, true); !fresh) return pass_on(fresh);
  return verdict;
}

void EvidenceEnrolment::finish(const EvidenceFinishCall& call, hsm::Done<EnrolmentOutcome> done) {
  const auto format = format_named(call.format);
  if (!format) return done(tl::unexpected<Error>(format.error()));
  // Before the ticket is used up: where nothing is minted, nothing is lost.
  const auto now = parts_.admitting.clock.minting_moment();
  if (!now) return done(tl::unexpected<Error>(now.error()));
  const auto verdict = judge(**format, call, *now);
  if (!verdict) return done(tl::unexpected<Error>(verdict.error()));
  admitting_.admit(
      *verdict,
      {call.ticket, call.address, *now,
       [format = *format](const store::DeviceRecord& /*known*/, const attest::Facts& before,
                          attest::Facts& facts) { return format->follows(before, facts); }},
      std::move(done));
}

}  // namespace mintmark::issuer
