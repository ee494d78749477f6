#include "agent/enrolment.h"

#include "agent/proof.h"

namespace mintmark::agent {
namespace {

Result<std::string> attempt(DeviceKey& key, IssuerClient& issuer, const Secret& code,
                            const Clock& clock) {
  const auto ticket = issuer.begin(key_format, key.public_key());
  if (!ticket) return tl::unexpected<Error>(ticket.error());
  const auto proof =
      make_proof(key, {"POST", issuer.finish_url(key_format), "", *ticket}, clock.now());
  if (!proof) return tl::unexpected<Error>(proof.error());
  return issuer.finish_key(key.public_key(), *ticket, code, *proof);
}

}  // namespace

Error PendingEnrolment::to_error() const {
  return Error{Code::enrolment_pending,
               "the issuer waits until its operator approves this device: " + approval() +
                   "; then enrol again",
               0};
}

bool is_about_proof(const Error& error) {
  return facts_of(error.code).oauth_error == "invalid_dpop_proof";
}

bool may_pass_with_a_fresh_ticket(const Error& error) {
  switch (error.code) {
    case Code::ticket_expired:
    case Code::ticket_invalid:
    case Code::ticket_used:
      return true;
    default:
      return is_about_proof(error);
  }
}

bool may_have_met_moving_pcrs(const Error& error) {
  switch (error.code) {
    case Code::tpm_pcrs_moving:
    case Code::quote_digest:
    case Code::eventlog_replay:
    case Code::ima_replay:
      return true;
    default:
      return false;
  }
}

Result<Identity> enrol_by_code(DeviceKey& key, KeyRecord record, IssuerClient& issuer,
                               const Secret& code, const Clock& clock) {
  auto client_id = attempt(key, issuer, code, clock);
  if (!client_id && may_pass_with_a_fresh_ticket(client_id.error()))
    client_id = attempt(key, issuer, code, clock);
  if (!client_id) return pass_on(client_id);
  return Identity{.issuer = issuer.issuer(),
                  .ca_file = "",
                  .key = std::move(record),
                  .jkt = key.public_key().thumbprint(),
                  .client_id = std::move(*client_id),
                  .attestation = std::nullopt};
}

}  // namespace mintmark::agent
