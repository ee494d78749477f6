#include "policy/decision.h"

#include <algorithm>

#include "base/bytes.h"

namespace mintmark::policy {
namespace {

using std::chrono::seconds;
using Texts = std::vector<std::string>;

bool holds(const Texts& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string listed(const Texts& scopes) {
  std::string text;
  for (const std::string& scope : scopes) text += " " + printable(scope, 40);
  return printable(text, 200);
}

/// What is asked for and granted, in the order of the grant; all that is granted if nothing is
/// asked for. RFC 6749 §3.3 lets the server grant less than was asked for if it says so.
Result<Texts> granted_scopes(const Texts& asked, const Texts& granted) {
  if (asked.empty()) return granted;
  Texts scopes;
  std::copy_if(granted.begin(), granted.end(), std::back_inserter(scopes),
               [&](const std::string& scope) { return holds(asked, scope); });
  if (scopes.empty())
    return fail(Code::policy_scope,
                "none of these is granted:" + listed(asked) + "; granted are:" + listed(granted));
  return scopes;
}

/// The rule that decides, or what is to be said if there is none.
class Search {
 public:
  Search(const Subject& subject, const std::string& audience)
      : subject_(subject), audience_(audience) {}

  /// What this rule grants, if it decides.
  const AudienceGrant* try_rule(const Rule& rule) {
    const auto failed = rule.match.first_failed(subject_);
    if (failed && *failed != Condition::times) return nullptr;
    for_device_ = true;
    const AudienceGrant* grant = rule.grant_for(audience_);
    if (grant == nullptr || !failed) return grant;
    if (closed_ == nullptr) closed_ = &rule;
    return nullptr;
  }

  [[nodiscard]] Error denial() const {
    if (closed_ != nullptr) {
      return {Code::policy_time, "it is " + week_time(subject_.now) + ", and the rule \"" +
                                     printable(closed_->name) + "\" is for " +
                                     closed_->match.times.text()};
    }
    if (!for_device_) return {Code::policy_no_rule, "no rule of the policy is for this device"};
    if (audience_.empty()) {
      return {Code::policy_audience,
              "name an audience (resource): there is no default for this device"};
    }
    return {Code::policy_audience,
            "no rule for this device grants the audience " + printable(audience_)};
  }

 private:
  const Subject& subject_;
  const std::string& audience_;
  bool for_device_ = false;
  const Rule* closed_ = nullptr;  // Would have decided but for its times.
};

/// Keeps the shortest of several lives, and which it was.
struct ShortestLife {
  seconds life;
  const char* limit;

  void take(seconds other, const char* name) {
    if (other >= life) return;
    life = other;
    limit = name;
  }
};

ShortestLife life_of(const Decision& decision, const Subject& subject, const TokenRequest& request,
                     seconds longest_life) {
  ShortestLife shortest{longest_life, "configuration"};
  if (decision.grant->longest_life) shortest.take(*decision.grant->longest_life, "grant");
  if (request.session_key) shortest.take(longest_session_life, "session key");
  if (request.evidence_until) shortest.take(*request.evidence_until - subject.now, "evidence");
  if (request.certificate_until)
    shortest.take(*request.certificate_until - subject.now, "certificate");
  shortest.take(decision.rule->match.times.open_for(subject.now, shortest.life), "times");
  return shortest;
}

}  // namespace

Subject subject_of(const attest::RecordedDevice& device, const TokenRequest& request) {
  const std::string& own = device.facts.key_protection;
  return {device, request.session_key && own == "hardware" ? "session" : own, request.now};
}

Result<Decision> decide_by(const std::vector<Rule>& rules, const Subject& subject,
                           const TokenRequest& request, seconds longest_life) {
  Search search(subject, request.audience);
  Decision decision;
  for (const Rule& rule : rules) {
    decision.rule = &rule;
    decision.grant = search.try_rule(rule);
    if (decision.grant != nullptr) break;
  }
  if (decision.grant == nullptr) return tl::unexpected<Error>(search.denial());
  auto scopes = granted_scopes(request.scopes, decision.grant->scopes);
  if (!scopes) return pass_on(scopes);
  const ShortestLife shortest = life_of(decision, subject, request, longest_life);
  if (shortest.life <= seconds{0})
    return fail(Code::evidence_stale, "the device's evidence is too old for a token; attest again");
  decision.scopes = std::move(*scopes);
  decision.life = shortest.life;
  decision.life_limit = shortest.limit;
  decision.key_protection = subject.key_protection;
  return decision;
}

}  // namespace mintmark::policy
