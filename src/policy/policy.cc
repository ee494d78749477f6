#include "policy/policy.h"

#include <algorithm>

#include "policy/boot_judge.h"
#include "policy/decision.h"
#include "policy/needed_pcrs.h"

namespace mintmark::policy {
struct Policy::Parts {
  Rules rules;
};

ReadNamed no_files() {
  return [](const std::string& /*name*/) -> Result<std::string> {
    return fail(Code::reference_invalid,
                "none came with this text; mintctl policy check FILE reads them too");
  };
}

Result<Policy> Policy::from_text(const std::string& file, std::string_view text,
                                 const ReadNamed& read) {
  auto rules = read_rules(file, text, read);
  if (!rules) return pass_on(rules);
  return Policy(std::make_shared<const Parts>(Parts{std::move(*rules)}));
}

Result<Policy> Policy::from(const Bundle& bundle) {
  return from_text(bundle.file, bundle.text, bundle.reader());
}

Result<Grant> Policy::decide(const attest::AttestedDevice& device, const TokenRequest& request,
                             std::chrono::seconds longest_life) const {
  auto decision =
      decide_by(parts_->rules.tokens, subject_of(device.record(), request), request, longest_life);
  if (!decision) return pass_on(decision);
  Grant grant;
  grant.audience_ = decision->grant->audience;
  grant.scopes_ = std::move(decision->scopes);
  grant.life_ = decision->life;
  grant.rule_ = decision->rule->name;
  grant.ends_with_evidence_ = decision->rule->standing_tokens_end;
  grant.key_protection_ = std::move(decision->key_protection);
  return grant;
}

Explanation Policy::explain(const attest::RecordedDevice& device, const TokenRequest& request,
                            std::chrono::seconds longest_life) const {
  return explain_by(parts_->rules.tokens, subject_of(device, request), request, longest_life);
}

Appraisal Policy::appraise(const attest::RecordedDevice& device, const attest::BootRecord& record,
                           const attest::BootRecord* last_good) const {
  return appraise_by(parts_->rules.boot, device, record, last_good);
}

WantedLogs Policy::wanted_logs() const {
  const std::vector<BootRule>& rules = parts_->rules.boot;
  return {!rules.empty(), std::any_of(rules.begin(), rules.end(), [](const BootRule& rule) {
            return rule.expect.ima.has_value();
          })};
}

NeededPcrs Policy::needed_pcrs() const { return needed_pcrs_of(parts_->rules); }

std::size_t Policy::rules() const { return parts_->rules.tokens.size(); }

std::size_t Policy::boot_rules() const { return parts_->rules.boot.size(); }

}  // namespace mintmark::policy
