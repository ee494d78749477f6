// The rules of a policy file, read and checked. Private to this folder.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/standing.h"
#include "base/error.h"

namespace mintmark::policy {

/// Which devices a rule is for: every condition that stands must hold, a list by any of its values.
/// At least one stands.
struct Match {
  std::optional<std::string> format;
  std::optional<std::string> key_protection;
  std::vector<std::string> manufacturers;  ///< "id:" and eight hexadecimal digits, lower case.
  std::vector<std::string> roots;          ///< Lower-case hexadecimal.
  std::vector<std::string> models;
  std::map<std::string, std::string> labels;
  std::map<unsigned, std::vector<std::string>>
      pcrs;  ///< Of the SHA-256 bank; lower-case hexadecimal.

  [[nodiscard]] bool matches(const attest::RecordedDevice& device) const;
};

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

  /// nullptr if this rule does not grant the audience.
  [[nodiscard]] const AudienceGrant* grant_for(const std::string& audience) const;
};

/// `policy_invalid` with FILE:LINE, the key, and what would be right.
[[nodiscard]] Result<std::vector<Rule>> read_rules(const std::string& file, std::string_view text);

}  // namespace mintmark::policy
