#include "policy/appraisal.h"

#include <algorithm>

namespace mintmark::policy {
namespace {

bool failed_in(const Finding& finding, BootMode mode) {
  return !finding.ok && finding.mode == mode;
}

std::vector<const Finding*> failures(const Appraisal& appraisal, BootMode mode) {
  std::vector<const Finding*> all;
  for (const Finding& finding : appraisal.findings) {
    if (failed_in(finding, mode)) all.push_back(&finding);
  }
  return all;
}

std::string first_of(const std::vector<const Finding*>& failed) {
  const std::string& text = failed.front()->text;
  return failed.size() == 1 ? text : text + " (and " + std::to_string(failed.size() - 1) + " more)";
}

Json to_json(const Finding& finding) {
  Json json = {{"rule", finding.rule},
               {"mode", finding.mode == BootMode::enforce ? "enforce" : "monitor"},
               {"condition", finding.condition},
               {"ok", finding.ok},
               {"has", finding.has},
               {"wants", finding.wants}};
  if (finding.pcr) json["pcr"] = *finding.pcr;
  if (finding.event) json["event"] = *finding.event;
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  put("event_type", finding.event_type);
  put("last_good", finding.last_good);
  put("likely", finding.likely);
  put("text", finding.text);
  for (const Proposal& proposal : finding.proposals) {
    json["proposals"].push_back(
        {{"file", proposal.file}, {"at", proposal.at}, {"add", proposal.add}});
  }
  return json;
}

}  // namespace

bool Appraisal::refused() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return failed_in(finding, BootMode::enforce); });
}

bool Appraisal::would_refuse() const {
  return !refused() && !std::all_of(findings.begin(), findings.end(),
                                    [](const Finding& finding) { return finding.ok; });
}

const char* Appraisal::outcome() const {
  if (rules.empty()) return "not_appraised";
  return refused() ? "refused" : "passed";
}

std::string Appraisal::text() const {
  if (rules.empty()) return "no boot rule is for this device: what it booted is not appraised";
  if (const auto failed = failures(*this, BootMode::enforce); !failed.empty())
    return first_of(failed);
  if (const auto failed = failures(*this, BootMode::monitor); !failed.empty())
    return "would have been refused: " + first_of(failed);
  return "every condition holds";
}

Error Appraisal::refusal() const {
  std::vector<std::string> named;
  for (const Finding* finding : failures(*this, BootMode::enforce)) {
    if (std::find(named.begin(), named.end(), finding->condition) == named.end())
      named.push_back(finding->condition);
  }
  constexpr std::size_t most_named = 4;
  std::string conditions;
  for (std::size_t i = 0; i < std::min(named.size(), most_named); ++i)
    conditions += (i == 0 ? "" : ", ") + named[i];
  if (named.size() > most_named) conditions += ", …";
  return {Code::boot_refused, "what this machine booted is not what the policy allows (" +
                                  conditions + "); the issuer's operator can see why"};
}

Json to_json(const Appraisal& appraisal) {
  Json json = {{"outcome", appraisal.outcome()},
               {"would_refuse", appraisal.would_refuse()},
               {"text", appraisal.text()},
               {"rules", appraisal.rules},
               {"findings", Json::array()}};
  if (appraisal.attest_again) json["attest_again_seconds"] = appraisal.attest_again->count();
  for (const Finding& finding : appraisal.findings) json["findings"].push_back(to_json(finding));
  return json;
}

}  // namespace mintmark::policy
