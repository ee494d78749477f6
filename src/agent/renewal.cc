#include "agent/renewal.h"

#include <algorithm>

#include "jose/members.h"

namespace mintmark::agent {
namespace {

// So that a client attestation does not end on its way.
constexpr std::chrono::seconds attestation_margin{10};
constexpr std::chrono::seconds shortest_wait{30};
constexpr std::chrono::seconds longest_wait{600};
constexpr unsigned doublings_to_longest = 5;
constexpr int most_failures = 1'000'000;

std::chrono::seconds wait_after(unsigned failures) {
  const unsigned doublings = std::min(failures - 1, doublings_to_longest);
  return std::min(shortest_wait * (1U << doublings), longest_wait);
}

unsigned failures_in(jose::Members& members, const Json& json) {
  const auto found = json.find("failures");
  const bool fits = found != json.end() && found->is_number_unsigned() &&
                    found->get<std::uint64_t>() <= most_failures;
  if (!fits) members.refuse("failures", "a number");
  return fits ? found->get<unsigned>() : 0;
}

std::optional<RenewalRecord::Failure> failure_in(jose::Members& outer) {
  if (!outer.has("failure")) return std::nullopt;
  jose::Members members = outer.below("failure");
  const Json& json = outer.object("failure");
  RenewalRecord::Failure failure{members.non_empty("code"), members.text("detail"),
                                 json.value("refused", Json()) == true};
  outer.adopt(members);
  return failure;
}

}  // namespace

void RenewalRecord::succeeded(Moment at) {
  tried_at = at;
  failures = 0;
  failure.reset();
}

void RenewalRecord::failed(const Error& error, Moment at) {
  tried_at = at;
  failures = std::min<unsigned>(failures + 1, most_failures);
  failure = Failure{std::string(facts_of(error.code).name), error.detail, is_refusal(error)};
}

Json to_json(const RenewalRecord& record) {
  Json json = {
      {"tried_at", to_unix(record.tried_at)}, {"failures", record.failures}, {"said", record.said}};
  if (record.failure) {
    json["failure"] = {{"code", record.failure->code},
                       {"detail", record.failure->detail},
                       {"refused", record.failure->refused}};
  }
  return json;
}

Result<RenewalRecord> renewal_record_from(const Json& json) {
  jose::Members members(json, Code::agent_state_invalid, "renewal.json: ");
  RenewalRecord record{.tried_at = members.moment("tried_at"),
                       .failures = failures_in(members, json),
                       .failure = failure_in(members),
                       .said = members.text("said")};
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return record;
}

std::optional<std::string_view> renewal_reason(const Attestation& attestation,
                                               const std::string& boot_id, Moment now) {
  const bool both_known = !attestation.boot_id.empty() && !boot_id.empty();
  if (both_known && attestation.boot_id != boot_id) return "reboot";
  const std::chrono::seconds life = attestation.expires_at - attestation.attested_at;
  if (now >= attestation.attested_at + life * 3 / 4) return "age";
  return std::nullopt;
}

bool is_over(const Attestation& attestation, Moment now) {
  return now + attestation_margin >= attestation.expires_at;
}

bool may_try(const RenewalRecord& record, Moment now) {
  if (!record.failure || record.failure->refused || record.failures == 0) return true;
  // A clock that went back knows nothing of how long ago that was.
  return now < record.tried_at || now >= record.tried_at + wait_after(record.failures);
}

bool is_refusal(const Error& error) {
  switch (error.code) {
    // Of a connection, of this machine, or of what its issuer can carry.
    case Code::tls_failed:
    case Code::tpm_key_lost:
    case Code::http_body_too_large:
    case Code::agent_pkcs11_uri:
    case Code::agent_pkcs11_module:
    case Code::agent_pkcs11_token:
    case Code::agent_pkcs11_pin:
    case Code::agent_pkcs11_key:
    case Code::agent_pkcs11_certificate:
      return false;
    default:
      return error.action() == Action::fix_request || error.action() == Action::reattest;
  }
}

bool fresh_keys_may_mend(const Error& error) {
  switch (error.code) {
    case Code::tpm_key_lost:
    case Code::tpm_credential_refused:
    case Code::device_key_superseded:
    case Code::ak_type:
    case Code::ak_scheme:
    case Code::ak_not_restricted:
    case Code::ak_not_signing:
    case Code::ak_decrypts:
    case Code::ak_not_fixed_tpm:
    case Code::ak_not_fixed_parent:
    case Code::ak_imported:
    case Code::device_key_type:
    case Code::device_key_not_signing:
    case Code::device_key_restricted:
    case Code::device_key_decrypts:
    case Code::device_key_not_fixed_tpm:
    case Code::device_key_not_fixed_parent:
    case Code::device_key_imported:
      return true;
    default:
      return false;
  }
}

}  // namespace mintmark::agent
