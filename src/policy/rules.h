// The rules of a policy file, read and checked. Private to this folder.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/boot_rules.h"
#include "policy/match.h"

namespace mintmark::policy {

struct AudienceGrant {
  std::string audience;
  std::vector<std::string> scopes;  ///< At least one, none twice.
  std::optional<std::chrono::seconds> longest_life;
};

struct Rule {
  std::string name;
  Match match;
  std::vector<AudienceGrant> grants;  ///< At least one, no audience twice.
  std::string default_audience;       ///< "" or one of the grants'.
  /// Tokens that it granted end when the device's evidence ends before its time.
  bool standing_tokens_end = false;

  /// What the rule grants for the audience, or for its default if that is ""; nullptr: nothing.
  [[nodiscard]] const AudienceGrant* grant_for(const std::string& audience) const;
};

/// All that a policy file says.
struct Rules {
  std::vector<Rule> tokens;
  std::vector<BootRule> boot;
};

/// `policy_invalid` with FILE:LINE, the key, and what would be right; `reference_invalid`, the same
/// of a file that the policy names.
[[nodiscard]] Result<Rules> read_rules(const std::string& file, std::string_view text,
                                       const ReadNamed& read);

}  // namespace mintmark::policy
