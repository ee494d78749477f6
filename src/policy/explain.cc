#include "policy/decision.h"
#include "policy/explanation.h"

namespace mintmark::policy {
namespace {

RuleAnswer answer_of(const Rule& rule, const Subject& subject, const std::string& audience) {
  RuleAnswer answer;
  answer.rule = rule.name;
  if (const auto failed = rule.match.first_failed(subject)) {
    Mismatch mismatch = rule.match.mismatch(*failed, subject);
    answer.condition = std::move(mismatch.condition);
    answer.has = std::move(mismatch.has);
    answer.wants = std::move(mismatch.wants);
    return answer;
  }
  answer.matched = true;
  answer.grants_audience = rule.grant_for(audience) != nullptr;
  return answer;
}

Json to_json(const RuleAnswer& answer) {
  Json json = {{"rule", answer.rule}, {"matched", answer.matched}};
  if (answer.matched) {
    json["grants_audience"] = answer.grants_audience;
    json["decides"] = answer.decides;
  } else {
    json["condition"] = answer.condition;
    json["has"] = answer.has;
    json["wants"] = answer.wants;
  }
  return json;
}

Json to_json(const Granted& granted) {
  return {{"rule", granted.rule},
          {"audience", granted.audience},
          {"scopes", granted.scopes},
          {"expires_in", granted.life.count()},
          {"life_limit", granted.life_limit},
          {"key_protection", granted.key_protection}};
}

}  // namespace

Explanation explain_by(const std::vector<Rule>& rules, const Subject& subject,
                       const TokenRequest& request, std::chrono::seconds longest_life) {
  Explanation explanation;
  bool decided = false;
  for (const Rule& rule : rules) {
    RuleAnswer answer = answer_of(rule, subject, request.audience);
    answer.decides = answer.grants_audience && !decided;
    decided = decided || answer.decides;
    explanation.rules.push_back(std::move(answer));
  }
  auto decision = decide_by(rules, subject, request, longest_life);
  if (!decision) {
    explanation.outcome = tl::unexpected<Error>(std::move(decision.error()));
    return explanation;
  }
  explanation.outcome =
      Granted{decision->rule->name, decision->grant->audience, std::move(decision->scopes),
              decision->life,       decision->life_limit,      std::move(decision->key_protection)};
  return explanation;
}

Json to_json(const Explanation& explanation) {
  Json json = {{"rules", Json::array()}};
  for (const RuleAnswer& answer : explanation.rules) json["rules"].push_back(to_json(answer));
  if (explanation.outcome) {
    json["granted"] = to_json(*explanation.outcome);
    return json;
  }
  const Error& error = explanation.outcome.error();
  json["refused"] = {{"error", facts_of(error.code).oauth_error},
                     {"code", facts_of(error.code).name},
                     {"error_description", error.detail}};
  return json;
}

}  // namespace mintmark::policy
