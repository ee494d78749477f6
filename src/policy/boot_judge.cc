#include "policy/boot_judge.h"

#include <algorithm>

#include "base/bytes.h"

namespace mintmark::policy {

Finding finding_of(const Case& one, std::string condition, std::string has, std::string wants) {
  Finding finding;
  finding.rule = one.rule.name;
  finding.mode = one.rule.mode;
  finding.condition = std::move(condition);
  finding.has = has.empty() ? "nothing" : std::move(has);
  finding.wants = std::move(wants);
  return finding;
}

void add_without_log(const Case& one, const std::string& condition, const std::string& wants,
                     Findings& findings) {
  Finding finding = finding_of(one, condition, "no event log", wants);
  finding.text = condition + ": " + why_no_log(one.now);
  if (one.good != nullptr && one.good->log_given)
    finding.text += "; at the last good boot there was one";
  findings.push_back(std::move(finding));
}

std::string why_no_log(const attest::BootRecord& record) {
  if (!record.log_problem) return "no event log was given to judge it by";
  return "the event log that was given does not count: " + printable(record.log_problem->text, 512);
}

bool add_if_not_known(const Case& one, const char* fact, const std::string& condition,
                      const std::string& wants, Findings& findings) {
  const auto& not_known = one.now.facts.not_known;
  const auto found = not_known.find(fact);
  if (found == not_known.end()) return false;
  Finding finding = finding_of(one, condition, "not known", wants);
  finding.text = condition + ": the log does not prove it: " + printable(found->second, 256);
  if (one.good != nullptr && one.good->log_given && !one.good->facts.not_known.contains(fact))
    finding.text += "; at the last good boot it did";
  findings.push_back(std::move(finding));
  return true;
}

Proposal proposal_of(const Case& one, const std::string& key, Json add) {
  return {"", "/boot/" + std::to_string(one.rule.index) + "/expect/" + key, std::move(add)};
}

Appraisal appraise_by(const std::vector<BootRule>& rules, const attest::RecordedDevice& device,
                      const attest::BootRecord& record, const attest::BootRecord* last_good) {
  const bool comparable = last_good != nullptr && last_good->bank == record.bank;
  const Subject subject{device, device.facts.key_protection, {}};
  Appraisal appraisal;
  for (const BootRule& rule : rules) {
    if (rule.match.first_failed(subject)) continue;
    appraisal.rules.push_back(rule.name);
    const Case one{rule, record, comparable ? last_good : nullptr};
    for (auto* judge : {judge_pcrs, judge_facts, judge_images, judge_command_line, judge_ima})
      judge(one, appraisal.findings);
    if (!rule.attest_again) continue;
    appraisal.attest_again =
        std::min(appraisal.attest_again.value_or(*rule.attest_again), *rule.attest_again);
  }
  return appraisal;
}

}  // namespace mintmark::policy
