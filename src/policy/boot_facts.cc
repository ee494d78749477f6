// Facts of a boot: Secure Boot and its databases, the firmware, the clock, what was not measured.
#include <algorithm>
#include <set>
#include <string_view>

#include "base/bytes.h"
#include "policy/boot_judge.h"
#include "policy/boot_words.h"

namespace mintmark::policy {
namespace {

using attest::SignatureEntry;
using Entries = std::vector<SignatureEntry>;

constexpr std::size_t most_proposed = 64;

bool has_entry(const Entries& entries, const std::string& digest) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const SignatureEntry& entry) { return entry.digest == digest; });
}

const char* state_of(const std::optional<bool>& secure_boot) {
  if (!secure_boot) return "not measured";
  return *secure_boot ? "on" : "off";
}

void judge_secure_boot(const Case& one, Findings& findings) {
  if (!one.rule.expect.secure_boot) return;
  if (!one.now.log_given) return add_without_log(one, "secure_boot", "on", findings);
  if (add_if_not_known(one, "secure_boot", "secure_boot", "on", findings)) return;
  const auto& state = one.now.facts.secure_boot;
  Finding finding = finding_of(one, "secure_boot", state_of(state), "on");
  finding.ok = state.value_or(false);
  if (!finding.ok) {
    finding.pcr = 7;
    finding.text = std::string("Secure Boot is ") + state_of(state) + ", and must be on";
    if (one.good != nullptr) finding.last_good = state_of(one.good->facts.secure_boot);
    if (!finding.last_good.empty())
      finding.text += "; at the last good boot it was " + finding.last_good;
    if (finding.last_good == "on" && state) finding.likely = "Secure Boot was turned off";
    finding.text += likely_words(finding.likely);
  }
  findings.push_back(std::move(finding));
}

void judge_dbx(const Case& one, Findings& findings) {
  const std::vector<std::string>& wanted = one.rule.expect.dbx_contains;
  if (wanted.empty()) return;
  if (!one.now.log_given) return add_without_log(one, "dbx_contains", any_of(wanted), findings);
  if (add_if_not_known(one, "dbx", "dbx_contains", any_of(wanted), findings)) return;
  const Entries& dbx = one.now.facts.dbx;
  std::vector<std::string> missing;
  for (const std::string& digest : wanted) {
    if (!has_entry(dbx, digest)) missing.push_back(digest);
  }
  Finding finding =
      finding_of(one, "dbx_contains", std::to_string(dbx.size()) + " entries", any_of(wanted));
  finding.ok = missing.empty();
  if (!finding.ok) {
    finding.pcr = 7;
    const bool was_there = one.good != nullptr && has_entry(one.good->facts.dbx, missing.front());
    finding.likely = was_there ? "dbx was set back" : "the machine has not had this dbx update yet";
    finding.text = "dbx lacks " + missing.front();
    if (missing.size() > 1)
      finding.text += " (and " + std::to_string(missing.size() - 1) + " more)";
    if (was_there) finding.text += ", which it had at the last good boot";
    finding.text += likely_words(finding.likely);
  }
  findings.push_back(std::move(finding));
}

void explain_entry(const Case& one, const std::string& name, const SignatureEntry& foreign,
                   const Entries* before, Finding& finding) {
  finding.pcr = 7;
  finding.has = printable(foreign.kind + " " + foreign.digest, 160);
  finding.text = name + " holds " + finding.has;
  if (!foreign.subject.empty()) finding.text += " (" + printable(foreign.subject, 128) + ")";
  finding.text += ", which is not one of the allowed";
  if (one.good == nullptr || !one.good->log_given) {
    finding.text += "; there is no good boot to compare with";
    return;
  }
  const bool was_there = has_entry(*before, foreign.digest);
  finding.last_good = was_there ? foreign.digest : "";
  finding.likely = was_there ? "the policy changed" : "Secure Boot keys changed";
  finding.text += was_there ? "; the last good boot had it too" : "; the last good boot had it not";
  finding.text += likely_words(finding.likely);
}

/// What of a database is not one of the allowed. Refers to its entries.
struct Foreign {
  const SignatureEntry* first = nullptr;
  std::set<std::string_view> digests;
};

Foreign foreign_in(const Entries& entries, const std::vector<std::string>& allowed) {
  const std::set<std::string_view> known(allowed.begin(), allowed.end());
  Foreign foreign;
  for (const SignatureEntry& entry : entries) {
    if (known.contains(entry.digest)) continue;
    if (foreign.first == nullptr) foreign.first = &entry;
    foreign.digests.insert(entry.digest);
  }
  return foreign;
}

using Database = Entries attest::BootFacts::*;

void judge_only(const Case& one, const std::string& name, Database database,
                const std::vector<std::string>& allowed, Findings& findings) {
  if (allowed.empty()) return;
  const std::string key = name + "_only";
  if (!one.now.log_given) return add_without_log(one, key, any_of(allowed), findings);
  if (add_if_not_known(one, name.c_str(), key, any_of(allowed), findings)) return;
  const Entries& entries = one.now.facts.*database;
  const auto [first, foreign] = foreign_in(entries, allowed);
  Finding finding =
      finding_of(one, key, std::to_string(entries.size()) + " entries", any_of(allowed));
  finding.ok = first == nullptr && !entries.empty();
  if (first != nullptr) {
    const Entries* before = one.good == nullptr ? nullptr : &(one.good->facts.*database);
    explain_entry(one, name, *first, before, finding);
    if (foreign.size() > 1)
      finding.text += " (and " + std::to_string(foreign.size() - 1) + " more)";
    if (foreign.size() <= most_proposed)
      finding.proposals.push_back(proposal_of(one, key, Json(foreign)));
  } else if (!finding.ok) {
    finding.text = name + " was not measured, or is empty";
  }
  findings.push_back(std::move(finding));
}

void judge_firmware(const Case& one, Findings& findings) {
  const std::vector<std::string>& allowed = one.rule.expect.firmware_versions;
  if (allowed.empty()) return;
  if (!one.now.log_given)
    return add_without_log(one, "firmware_version", any_of(allowed), findings);
  if (one.now.facts.firmware_version.empty() &&
      add_if_not_known(one, "firmware_version", "firmware_version", any_of(allowed), findings))
    return;
  const std::string& version = one.now.facts.firmware_version;
  Finding finding = finding_of(one, "firmware_version", printable(version, 128), any_of(allowed));
  finding.ok = !version.empty() && holds(allowed, version);
  if (!finding.ok) {
    finding.pcr = 0;
    finding.text = "the firmware's version is " + finding.has + ", which is not one of the allowed";
    if (version.empty()) finding.text = "the firmware's version was not measured";
    const std::string before = one.good == nullptr ? "" : one.good->facts.firmware_version;
    finding.last_good = printable(before, 128);
    if (!before.empty()) {
      finding.likely = before == version ? "the policy changed" : "firmware update";
      finding.text += "; the last good boot had " +
                      (before == version ? "the same" : finding.last_good) +
                      likely_words(finding.likely);
    }
    if (!version.empty())
      finding.proposals.push_back(proposal_of(one, "firmware_version", Json::array({version})));
  }
  findings.push_back(std::move(finding));
}

void judge_flag(const Case& one, const char* key, bool has, const std::string& text,
                Findings& findings) {
  Finding finding = finding_of(one, key, has ? "true" : "false", "true");
  finding.ok = has;
  if (!has) finding.text = text;
  findings.push_back(std::move(finding));
}

}  // namespace

void judge_facts(const Case& one, Findings& findings) {
  const Expect& expect = one.rule.expect;
  if (expect.event_log)
    judge_flag(one, "event_log", one.now.log_given, "event_log: " + why_no_log(one.now), findings);
  if (expect.clock_safe) {
    judge_flag(one, "clock_safe", one.now.clock_safe,
               "the TPM's clock is not safe: it may have stood at a later time before; it is safe "
               "again after an orderly shutdown or some minutes of running",
               findings);
  }
  judge_secure_boot(one, findings);
  judge_only(one, "pk", &attest::BootFacts::pk, expect.pk_only, findings);
  judge_only(one, "kek", &attest::BootFacts::kek, expect.kek_only, findings);
  judge_only(one, "db", &attest::BootFacts::db, expect.db_only, findings);
  judge_dbx(one, findings);
  judge_firmware(one, findings);
  if (!expect.exit_boot_services) return;
  if (!one.now.log_given) return add_without_log(one, "exit_boot_services", "true", findings);
  judge_flag(one, "exit_boot_services", one.now.facts.exit_boot_services,
             "ExitBootServices was not measured: the list of what was started may not be whole",
             findings);
}

}  // namespace mintmark::policy
