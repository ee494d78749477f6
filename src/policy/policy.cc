#include "policy/policy.h"

#include "policy/decision.h"

namespace mintmark::policy {
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
  auto decision =
      decide_by(parts_->rules, subject_of(device.record(), request), request, longest_life);
  if (!decision) return pass_on(decision);
  Grant grant;
  grant.audience_ = decision->grant->audience;
  grant.scopes_ = std::move(decision->scopes);
  grant.life_ = decision->life;
  grant.rule_ = decision->rule->name;
  grant.key_protection_ = std::move(decision->key_protection);
  return grant;
}

Explanation Policy::explain(const attest::RecordedDevice& device, const TokenRequest& request,
                            std::chrono::seconds longest_life) const {
  return explain_by(parts_->rules, subject_of(device, request), request, longest_life);
}

std::size_t Policy::rules() const { return parts_->rules.size(); }

}  // namespace mintmark::policy
