#include "policy/policy.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/rules.h"

namespace mintmark::policy {
namespace {

using Texts = std::vector<std::string>;

bool holds(const Texts& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// What is asked for and granted, in the order of the grant; all that is granted if nothing is
/// asked for.
Result<Texts> granted_scopes(const Texts& asked, const Texts& granted) {
  if (asked.empty()) return granted;
  std::string refused;
  for (const auto& scope : asked) {
    if (!holds(granted, scope)) refused += " " + printable(scope, 40);
  }
  if (!refused.empty()) return fail(Code::policy_scope, "not granted:" + printable(refused, 200));
  Texts scopes;
  std::copy_if(granted.begin(), granted.end(), std::back_inserter(scopes),
               [&](const std::string& scope) { return holds(asked, scope); });
  return scopes;
}

std::string protection_of(const attest::RecordedDevice& device, bool session_key) {
  const std::string& own = device.facts.key_protection;
  return session_key && own == "hardware" ? "session" : own;
}

struct Decided {
  const Rule* rule = nullptr;
  const AudienceGrant* grant = nullptr;
};

/// The first rule that matches the device and grants the audience.
Result<Decided> deciding_rule(const std::vector<Rule>& rules, const attest::RecordedDevice& device,
                              const std::string& audience) {
  bool matched = false;
  for (const Rule& rule : rules) {
    if (!rule.match.matches(device)) continue;
    matched = true;
    const AudienceGrant* grant =
        rule.grant_for(audience.empty() ? rule.default_audience : audience);
    if (grant != nullptr) return Decided{&rule, grant};
  }
  if (!matched) return fail(Code::policy_no_rule, "no rule of the policy is for this device");
  if (audience.empty()) {
    return fail(Code::policy_audience,
                "name an audience (resource): there is no default for this device");
  }
  return fail(Code::policy_audience,
              "no rule for this device grants the audience " + printable(audience));
}

}  // namespace

struct Policy::Parts {
  std::vector<Rule> rules;
};

Result<Policy> Policy::from_text(const std::string& file, std::string_view text) {
  auto rules = read_rules(file, text);
  if (!rules) return pass_on(rules);
  return Policy(std::make_shared<const Parts>(Parts{std::move(*rules)}));
}

Result<Grant> Policy::decide(const attest::AttestedDevice& device, const TokenRequest& request,
                             std::chrono::seconds longest_life) const {
  auto decided = deciding_rule(parts_->rules, device.record(), request.audience);
  if (!decided) return pass_on(decided);
  auto scopes = granted_scopes(request.scopes, decided->grant->scopes);
  if (!scopes) return pass_on(scopes);
  Grant grant;
  grant.audience_ = decided->grant->audience;
  grant.scopes_ = std::move(*scopes);
  grant.life_ = std::min(longest_life, decided->grant->longest_life.value_or(longest_life));
  if (request.session_key) grant.life_ = std::min(grant.life_, longest_session_life);
  if (request.evidence_until)
    grant.life_ = std::min(grant.life_, *request.evidence_until - request.now);
  if (grant.life_ <= std::chrono::seconds{0})
    return fail(Code::evidence_stale, "the device's evidence is too old for a token; attest again");
  grant.rule_ = decided->rule->name;
  grant.key_protection_ = protection_of(device.record(), request.session_key);
  return grant;
}

std::size_t Policy::rules() const { return parts_->rules.size(); }

}  // namespace mintmark::policy
