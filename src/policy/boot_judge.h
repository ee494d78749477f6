// How each condition of a boot rule is judged. Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "attest/boot_record.h"
#include "policy/appraisal.h"
#include "policy/boot_rules.h"

namespace mintmark::policy {

/// One rule on one boot.
struct Case {
  const BootRule& rule;
  const attest::BootRecord& now;
  /// The last good boot; nullptr where there is none whose digests can be compared.
  const attest::BootRecord* good;
};

using Findings = std::vector<Finding>;

// Each appends one finding a condition that stands in the rule.
void judge_pcrs(const Case& one, Findings& findings);    ///< pcrs, reference, baseline
void judge_images(const Case& one, Findings& findings);  ///< boot_applications, drivers, signers
/// secure_boot, dbx_contains, db_only, kek_only, pk_only, firmware_version, exit_boot_services,
/// clock_safe, event_log
void judge_facts(const Case& one, Findings& findings);
void judge_command_line(const Case& one, Findings& findings);
void judge_ima(const Case& one, Findings& findings);

/// As Policy::appraise.
[[nodiscard]] Appraisal appraise_by(const std::vector<BootRule>& rules,
                                    const attest::RecordedDevice& device,
                                    const attest::BootRecord& record,
                                    const attest::BootRecord* last_good);

/// A finding that does not hold yet.
[[nodiscard]] Finding finding_of(const Case& one, std::string condition, std::string has,
                                 std::string wants);
/// Appends what fails because the log is missing that it goes by, or was of another boot.
void add_without_log(const Case& one, const std::string& condition, const std::string& wants,
                     Findings& findings);
/// "no event log was given to judge it by", or why the one that was given does not count.
[[nodiscard]] std::string why_no_log(const attest::BootRecord& record);
/// Appends a finding that fails if the record says that the fact is not known, or only a part of
/// it; false if it is known.
[[nodiscard]] bool add_if_not_known(const Case& one, const char* fact, const std::string& condition,
                                    const std::string& wants, Findings& findings);
/// A list of the policy file that takes these values.
[[nodiscard]] Proposal proposal_of(const Case& one, const std::string& key, Json add);

}  // namespace mintmark::policy
