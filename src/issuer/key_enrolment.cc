#include "issuer/key_enrolment.h"

#include "attest/facts.h"
#include "jose/base64url.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t id_octets = 16;
constexpr std::size_t code_octets = 16;
constexpr std::size_t ticket_secret_octets = 32;  // Of no use here: nothing has to be opened.

Sha256 began_with(const jose::PublicKey& key) {
  return sha256("mintmark key enrolment v1 " + key.thumbprint());
}

}  // namespace

store::DeviceRecord key_device(const jose::PublicKey& key, Moment now) {
  attest::Facts facts;
  facts.format = "key";
  facts.key_protection = "none";
  store::DeviceRecord device;
  device.id = jose::random_name(id_octets);
  device.format = facts.format;
  device.identity = key.thumbprint();
  device.jkt = key.thumbprint();
  device.public_jwk = key.to_jwk().dump();
  device.facts = attest::to_json(facts).dump();
  device.attested_at = now;
  return device;
}

std::string new_invite_code() { return jose::random_name(code_octets); }

std::string hash_of_code(const std::string& code) { return to_hex(sha256(code)); }

KeyEnrolment::KeyEnrolment(std::string finish_url, const Clock& clock, DeviceRegister& devices)
    : finish_url_(std::move(finish_url)),
      clock_(clock),
      devices_(devices),
      tickets_(clock),
      replay_(clock.now()) {}

std::string KeyEnrolment::begin(const jose::PublicKey& key) {
  Bytes random = random_bytes(ticket_secret_octets);
  return tickets_.seal(Secret::take(random), began_with(key));
}

Result<void> KeyEnrolment::check_possession(const KeyFinishCall& call, Moment now) {
  const auto proof =
      verify::check_proof(call.proof, {.method = "POST", .url = finish_url_, .now = now});
  if (!proof) return tl::unexpected<Error>(proof.error());
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
  if (!equal_in_constant_time(began_with(call.key), ticket->began_with))
    return fail(Code::ticket_other_keys, "the ticket was given for another key; begin again");
  return replay_.remember(*proof, now, true);  // The ticket is of this process.
}

void KeyEnrolment::finish(const KeyFinishCall& call, hsm::Done<std::string> done) {
  const Moment now = clock_.now();
  if (auto possessed = check_possession(call, now); !possessed) return done(pass_on(possessed));
  if (auto free = devices_.check_key(call.key.thumbprint()); !free) return done(pass_on(free));
  store::Admission admission;
  admission.device = key_device(call.key, now);
  admission.ticket_hash = to_hex(sha256(call.ticket));
  admission.ticket_expires = now + TicketSealer::life;
  devices_.change([admission, code = hash_of_code(call.code)](
                      store::DeviceStore& store) { return store.admit_invited(admission, code); },
                  [done = std::move(done)](const Result<store::DeviceRecord>& device) {
                    if (!device) return done(tl::unexpected<Error>(device.error()));
                    done(device->id);
                  });
}

}  // namespace mintmark::issuer
