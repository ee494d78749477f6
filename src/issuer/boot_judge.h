// What was booted, judged by the boot rules in force while the device's row is held.
#pragma once

#include <memory>
#include <optional>

#include "attest/facts.h"
#include "policy/policy.h"
#include "store/store.h"

namespace mintmark::issuer {

/// One device's boot; made for one admission, whose store calls it once at most.
class BootJudge {
 public:
  BootJudge(std::shared_ptr<const policy::Policy> policy, const attest::Verdict& verdict);

  /// For store::Admission::judge_boot. A record that cannot be read counts as none.
  [[nodiscard]] store::JudgedBoot judge(const store::DeviceRecord* known, const store::Boot* good);

  /// After judge: what the device is refused by, if it is. A log that is not what was quoted is
  /// refused by its own code, since the next quote may fit.
  [[nodiscard]] std::optional<Error> refusal() const;
  /// Writes what the rules had to say to the log: refusals, and what enforcing would have refused.
  void report(const std::string& device) const;

 private:
  std::shared_ptr<const policy::Policy> policy_;
  attest::Facts facts_;
  attest::BootRecord record_;
  Moment at_;
  std::optional<policy::Appraisal> appraisal_;
};

/// What a stored record may hold.
inline constexpr JsonLimits boot_record_limits{
    .octets = 16U << 20U, .depth = 8, .elements = 1'000'000};

struct JudgedAgain {
  policy::Appraisal appraisal;
  std::optional<Error> refusal;
};
/// The last boot that is known, by the policy in force. `store_failed` if it cannot be read;
/// `boot_record_missing` if there is none.
[[nodiscard]] Result<JudgedAgain> judge_again(const policy::Policy& policy,
                                              const store::DeviceRecord& device,
                                              const store::Boots& boots);

}  // namespace mintmark::issuer
