#include "issuer/device_result.h"

#include <algorithm>
#include <optional>

#include "hsm/result_profile.h"
#include "jose/base64url.h"

namespace mintmark::issuer {
namespace {

using attest::Facts;
using attest::RecordedDevice;

// RFC 9711 §4.2.1: a UEID of random octets begins with this one.
constexpr std::uint8_t ueid_rand = 0x01;
constexpr std::size_t ueid_random_octets = 16;

bool proves(const Facts& facts, std::string_view what) {
  return std::find(facts.proves.begin(), facts.proves.end(), what) != facts.proves.end();
}

std::string text_fact(const Facts& facts, const char* name) {
  const auto found = facts.more.find(name);
  const auto* text = found == facts.more.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text == nullptr ? "" : *text;
}

bool is_true(const Facts& facts, const char* name) {
  const auto found = facts.more.find(name);
  const auto* value = found == facts.more.end() ? nullptr : std::get_if<bool>(&found->second);
  return value != nullptr && *value;
}

/// Parts of the collateral that nobody looked at.
bool is_partly_judged(const Facts& facts) {
  const auto found = facts.more.find("not_evaluated");
  const auto* parts =
      found == facts.more.end() ? nullptr : std::get_if<std::vector<std::string>>(&found->second);
  return parts != nullptr && !parts->empty();
}

/// Somebody whom the operator trusts vouches for hardware of this device.
bool is_vouched_for(const Facts& facts) {
  return facts.standing == "trusted" &&
         (proves(facts, attest::proves::hardware) || proves(facts, attest::proves::token_key));
}

int hardware_of(const Facts& facts) {
  const std::string tcb = text_fact(facts, "tcb_status");
  if (tcb == "Revoked") return ar4si::contraindicated;
  // Genuine, with weaknesses that its maker names.
  if (!tcb.empty() && tcb != "not_evaluated" && tcb != "UpToDate") return ar4si::warning;
  return tcb == "not_evaluated" || is_partly_judged(facts) ? ar4si::none : ar4si::affirming;
}

/// What is good is said only where it is proven: a chain under review or of software proves
/// nothing.
void add_boot(TrustVector& vector, const std::string& boot, bool proven) {
  if (boot == "passed" && !proven) return;
  if (boot == "passed") {
    vector.configuration = ar4si::affirming;
    vector.executables = ar4si::approved_boot;
  } else if (boot == "would_be_refused") {
    vector.configuration = ar4si::warning;
    vector.executables = ar4si::unrecognised;
  } else if (boot == "refused") {
    vector.configuration = ar4si::contraindicated;
    vector.executables = ar4si::contraindicated;
  }
}

/// Android's own word on what it booted: its boot loader checked it, or did not.
void add_verified_boot(TrustVector& vector, const Facts& facts, bool proven) {
  const std::string state = text_fact(facts, "boot_state");
  if (state == "failed") {
    vector.executables = ar4si::contraindicated;
  } else if (state == "verified" && is_true(facts, "boot_locked")) {
    if (proven) vector.executables = ar4si::approved_boot;
  } else if (!state.empty()) {
    vector.executables = ar4si::unrecognised;
  }
}

int foreign_tier(const Facts& facts) {
  const std::string status = text_fact(facts, "attester_status");
  if (status == "contraindicated") return ar4si::contraindicated;
  return status == "warning" ? ar4si::warning : ar4si::none;
}

Json to_json(const TrustVector& vector) {
  return {{"instance-identity", vector.instance_identity},
          {"configuration", vector.configuration},
          {"executables", vector.executables},
          {"hardware", vector.hardware}};
}

/// What was attested, in our own words. Not the chain, which is for whoever reviews it, and not the
/// memory, which is the format's alone.
Json facts_for_others(const RecordedDevice& device, bool labels) {
  const Facts& facts = device.facts;
  Json json = {{"format", facts.format},
               {"key_protection", facts.key_protection},
               {"proves", facts.proves},
               {"attested_at", to_unix(device.attested_at)}};
  const auto add = [&json](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  add("standing", facts.standing);
  add("root", facts.root);
  add("manufacturer", facts.manufacturer);
  add("model", facts.model);
  add("version", facts.version);
  add("boot", device.boot);
  for (const auto& [name, value] : facts.more) json["facts"][name] = attest::to_json(value);
  if (!facts.pcrs.empty()) {
    json["pcr_bank"] = facts.pcr_bank;
    for (const auto& [index, value] : facts.pcrs) json["pcrs"][std::to_string(index)] = value;
  }
  if (labels) json["labels"] = device.labels;
  return json;
}

/// The device's name here as RFC 9711 has such names; nothing where no hardware bears it.
std::optional<std::string> ueid_of(const RecordedDevice& device) {
  const auto random = jose::from_base64url(device.id);
  if (!is_vouched_for(device.facts) || !random || random->size() != ueid_random_octets)
    return std::nullopt;
  Bytes ueid{ueid_rand};
  ueid.insert(ueid.end(), random->begin(), random->end());
  return jose::base64url(ueid);
}

}  // namespace

TrustVector trust_vector_of(const RecordedDevice& device) {
  TrustVector vector;
  if (device.facts.format == "key") return vector;
  if (is_vouched_for(device.facts)) {
    // Who a foreign attester says it is has not been seen by us.
    if (device.facts.format != "eat") vector.instance_identity = ar4si::affirming;
    vector.hardware = hardware_of(device.facts);
  }
  const bool proven = proves(device.facts, attest::proves::boot_state);
  add_verified_boot(vector, device.facts, proven);
  add_boot(vector, device.boot, proven);
  return vector;
}

std::string_view status_of(const TrustVector& vector, const RecordedDevice& device) {
  const int worst = std::max({vector.instance_identity, vector.configuration, vector.executables,
                              vector.hardware, foreign_tier(device.facts)});
  if (worst >= ar4si::contraindicated) return "contraindicated";
  if (worst >= ar4si::warning) return "warning";
  // Nothing is affirmed of what no hardware is affirmed for.
  return worst >= ar4si::affirming && vector.hardware != ar4si::none ? "affirming" : "none";
}

Result<void> check_wish(const ResultWish& wish) {
  if (wish.nonce.empty()) return {};
  const bool fits = wish.nonce.size() >= shortest_result_nonce &&
                    wish.nonce.size() <= longest_result_nonce &&
                    std::all_of(wish.nonce.begin(), wish.nonce.end(),
                                [](char c) { return c > 0x20 && c < 0x7F; });
  if (fits) return {};
  return fail(Code::invalid_argument,
              "nonce must be 8 to 88 printable characters of ASCII without spaces (RFC 9711 §4.1)");
}

Json result_claims(const attest::AttestedDevice& device, const ResultOptions& options,
                   const ResultWish& wish, Moment now) {
  const RecordedDevice& record = device.record();
  const TrustVector vector = trust_vector_of(record);
  const std::string status(status_of(vector, record));
  Moment expires = now + options.life;
  if (device.evidence_until()) expires = std::min(expires, *device.evidence_until());
  // No ear_appraisal_policy_ids: what judged the boot is the policy of then, which the record does
  // not name.
  const Json appraisal = {{"ear_status", status},
                          {"ear_trustworthiness_vector", to_json(vector)},
                          {"mintmark", facts_for_others(record, wish.labels)}};
  Json claims = {{"eat_profile", hsm::ear_profile},
                 {"iss", options.issuer},
                 {"sub", record.id},
                 {"iat", to_unix(now)},
                 {"exp", to_unix(expires)},
                 {"cnf", {{"jkt", record.jkt}}},
                 {"ear_status", status},
                 {"ear_verifier_id", {{"developer", "Mintmark"}, {"build", options.build}}},
                 {"submods", {{record.facts.format, appraisal}}}};
  if (!wish.nonce.empty()) claims["eat_nonce"] = wish.nonce;
  if (const auto ueid = ueid_of(record)) claims["ueid"] = *ueid;
  return claims;
}

}  // namespace mintmark::issuer
