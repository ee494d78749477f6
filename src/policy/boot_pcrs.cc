// PCRs: by value, by the events of a reference file, by those of a baseline.
#include <algorithm>

#include "base/bytes.h"
#include "policy/boot_judge.h"
#include "policy/boot_words.h"

namespace mintmark::policy {
namespace {

constexpr std::size_t most_proposed = 256;

std::string value_of(const attest::BootRecord* record, unsigned pcr) {
  if (record == nullptr) return "";
  const auto found = record->pcrs.find(pcr);
  return found == record->pcrs.end() ? "" : found->second;
}

std::string differs(unsigned pcr) { return "PCR " + std::to_string(pcr) + " differs: "; }

std::string and_more(std::size_t others) {
  if (others == 0) return "";
  return " (and " + std::to_string(others) + (others == 1 ? " more event)" : " more events)");
}

std::string is_none_of(const std::string& value, std::size_t allowed) {
  return "its value " + value + " is not one of the " + std::to_string(allowed) + " allowed";
}

/// The value is known to differ from that of the last good boot, and both logs are there.
void explain_by_events(const Case& one, unsigned pcr, std::size_t allowed, Finding& finding) {
  const Alignment alignment(one.now, *one.good, pcr);
  const auto& changes = alignment.changes();
  if (changes.empty()) {
    finding.text = differs(pcr) + is_none_of(finding.has, allowed) +
                   "; the last good boot had the same events, in another order or not all measured";
    return;
  }
  const Change& first = changes.front();
  if (first.now != nullptr) {
    explain_event(finding, *first.now, first.before, one.now, one.good);
  } else {
    finding.event_type = printable(first.before->type);
    finding.likely = likely_cause(first, one.now);
    finding.text = differs(pcr) + "the last good boot had " + named(*first.before) +
                   ", which is missing now" + likely_words(finding.likely);
  }
  finding.text += and_more(changes.size() - 1);
}

void explain_value(const Case& one, unsigned pcr, std::size_t allowed, Finding& finding) {
  const std::string value = value_of(&one.now, pcr);
  if (value.empty()) {
    finding.text = differs(pcr) + "it was not quoted";
    return;
  }
  const std::string before = value_of(one.good, pcr);
  finding.last_good = before;
  const std::string what = differs(pcr) + is_none_of(value, allowed);
  if (before.empty()) {
    finding.text = what + "; there is no good boot to compare with";
  } else if (before == value) {
    finding.likely = "the policy changed";
    finding.text = what + "; the last good boot had the same" + likely_words(finding.likely);
  } else if (!one.now.log_given || !one.good->log_given) {
    finding.text =
        what + "; the last good boot had " + before + "; there is no event log that could say why";
  } else {
    explain_by_events(one, pcr, allowed, finding);
  }
}

void judge_value(const Case& one, unsigned pcr, const std::vector<std::string>& allowed,
                 Findings& findings) {
  const std::string value = value_of(&one.now, pcr);
  const std::string key = "pcrs." + std::to_string(pcr);
  Finding finding = finding_of(one, key, value, any_of(allowed));
  finding.pcr = pcr;
  finding.ok = !value.empty() && holds(allowed, value);
  if (!finding.ok) explain_value(one, pcr, allowed.size(), finding);
  if (!finding.ok && !value.empty()) {
    finding.proposals.push_back(
        proposal_of(one, "pcrs/" + std::to_string(pcr), Json::array({value})));
  }
  findings.push_back(std::move(finding));
}

/// One PCR by one file.
class ReferenceJudge {
 public:
  ReferenceJudge(const Case& one, const Reference& reference, unsigned pcr)
      : one_(one), reference_(reference), pcr_(pcr) {
    if (const auto found = reference.pcrs.find(pcr); found != reference.pcrs.end())
      values_ = found->second;
    if (const auto found = reference.allowed.find(pcr); found != reference.allowed.end())
      allowed_ = &found->second;
  }

  Finding judge(const std::string& key) {
    const std::string value = value_of(&one_.now, pcr_);
    Finding finding = finding_of(
        one_, key + "." + std::to_string(pcr_), value,
        "what " + printable(reference_.file, 255) + " has of PCR " + std::to_string(pcr_));
    finding.pcr = pcr_;
    if (one_.now.bank != reference_.bank) {
      finding.has = "the bank " + one_.now.bank;
      finding.wants = "the bank " + reference_.bank;
      finding.text = differs(pcr_) + "it was quoted of the bank " + one_.now.bank + ", and " +
                     reference_.file + " is of " + reference_.bank;
      return finding;
    }
    if (!value.empty() && holds(values_, value))
      finding.ok = true;
    else if (allowed_ == nullptr || !events_are_quoted(one_.now, pcr_))
      judge_without_events(finding, value);
    else
      judge_events(finding);
    return finding;
  }

 private:
  void judge_without_events(Finding& finding, const std::string& value) {
    if (values_.empty()) {
      finding.has = one_.now.log_given ? finding.has : "no event log";
      finding.text =
          finding.condition + ": " +
          (one_.now.log_given
               ? std::string("the PCR was not quoted, or the events do not make its value")
               : why_no_log(one_.now));
      return;
    }
    explain_value(one_, pcr_, values_.size(), finding);
    if (!value.empty()) propose("/pcrs/" + std::to_string(pcr_), value);
    finding.proposals = std::move(proposals_);
  }

  void judge_events(Finding& finding) {
    std::size_t measured = 0;
    std::vector<const Event*> foreign;
    for (const Event& event : one_.now.events) {
      if (event.pcr != pcr_ || !is_extended(event)) continue;
      ++measured;
      if (!allowed_->contains({event.type, event.digest})) foreign.push_back(&event);
    }
    if (measured == 0) {
      finding.text = differs(pcr_) + "nothing was measured into it";
      return;
    }
    finding.ok = foreign.empty();
    if (!finding.ok) explain(finding, foreign);
  }

  void explain(Finding& finding, const std::vector<const Event*>& foreign) {
    const Event& first = *foreign.front();
    const Event* before = nullptr;
    if (one_.good != nullptr) before = Alignment(one_.now, *one_.good, pcr_).before(first.number);
    finding.has = first.digest;
    explain_event(finding, first, before, one_.now, one_.good);
    finding.text += and_more(foreign.size() - 1);
    if (foreign.size() > most_proposed) return;
    for (const Event* event : foreign) propose_event(*event);
    finding.proposals = std::move(proposals_);
  }

  /// Beside the digests of the same thing where it stands, so that the change is one word long.
  void propose_event(const Event& event) {
    const std::string note = printable(event.what, longest_note);
    const auto& known = reference_.events;
    const auto found = std::find_if(known.begin(), known.end(), [&](const ReferenceEvent& one) {
      return one.pcr == event.pcr && one.type == event.type && !note.empty() && one.note == note;
    });
    if (found != known.end()) {
      return propose("/events/" + std::to_string(found - known.begin()) + "/digests", event.digest);
    }
    Json added = {{"pcr", event.pcr}, {"type", event.type}, {"digests", {event.digest}}};
    if (!note.empty()) added["note"] = note;
    propose("/events", std::move(added));
  }

  void propose(const std::string& at, Json value) {
    for (Proposal& proposal : proposals_) {
      if (proposal.at == at) return proposal.add.push_back(std::move(value));
    }
    proposals_.push_back({reference_.file, at, Json::array({std::move(value)})});
  }

  const Case& one_;
  const Reference& reference_;
  unsigned pcr_;
  std::vector<std::string> values_;
  const std::set<std::pair<std::string, std::string>>* allowed_ = nullptr;
  std::vector<Proposal> proposals_;
};

void judge_reference(const Case& one, const std::string& key,
                     const std::shared_ptr<const Reference>& reference, Findings& findings) {
  if (!reference) return;
  for (const unsigned pcr : reference->named())
    findings.push_back(ReferenceJudge(one, *reference, pcr).judge(key));
}

}  // namespace

void judge_pcrs(const Case& one, Findings& findings) {
  for (const auto& [pcr, allowed] : one.rule.expect.pcrs) judge_value(one, pcr, allowed, findings);
  judge_reference(one, "reference", one.rule.expect.reference, findings);
  judge_reference(one, "baseline", one.rule.expect.baseline, findings);
}

}  // namespace mintmark::policy
