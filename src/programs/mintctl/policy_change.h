// The change to a policy that would let a boot pass: proposed as a diff, applied by nobody here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/boot_record.h"
#include "attest/standing.h"
#include "policy/bundle.h"
#include "policy/policy.h"

namespace mintmark::programs {

/// A refused boot, or one that would be, with what it is compared with.
struct BootAtHand {
  attest::RecordedDevice device;
  attest::BootRecord record;
  std::optional<attest::BootRecord> last_good;
};

struct PolicyChange {
  std::string diff;                  ///< Unified, of every file that changes.
  policy::Bundle changed;            ///< What the diff makes of the files.
  policy::Appraisal after;           ///< What that says of the boot: it is not refused.
  std::vector<std::string> reasons;  ///< The findings that it answers, a line each.
};

/// Puts what the findings propose into the lists where it belongs, reads the result again and
/// judges the boot by it: of a refused boot what refuses it, of one that rules in mode monitor
/// would refuse what those found. `not_found`: no rule is for the device, or none refuses this boot
/// nor would; `boot_refused`: it would still be so, for what adding something cannot help.
[[nodiscard]] Result<PolicyChange> propose_change(const policy::Bundle& bundle,
                                                  const BootAtHand& boot);

/// Where a file that the policy names stands; of "" the policy itself.
[[nodiscard]] std::string path_of(const policy::Bundle& bundle, const std::string& name);

}  // namespace mintmark::programs
