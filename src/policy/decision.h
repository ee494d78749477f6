// The one way a decision is made, whether a token follows or an operator asks why. Private to this
// folder.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "policy/rules.h"

namespace mintmark::policy {

struct Decision {
  const Rule* rule = nullptr;
  const AudienceGrant* grant = nullptr;
  std::vector<std::string> scopes;
  std::chrono::seconds life{};
  const char* life_limit = "";  ///< What made it no longer, as Explanation has it.
  std::string key_protection;
};

[[nodiscard]] Subject subject_of(const attest::RecordedDevice& device, const TokenRequest& request);

/// As Policy::decide, for any device; the decision refers to the rules.
[[nodiscard]] Result<Decision> decide_by(const std::vector<Rule>& rules, const Subject& subject,
                                         const TokenRequest& request,
                                         std::chrono::seconds longest_life);

[[nodiscard]] Explanation explain_by(const std::vector<Rule>& rules, const Subject& subject,
                                     const TokenRequest& request,
                                     std::chrono::seconds longest_life);

}  // namespace mintmark::policy
