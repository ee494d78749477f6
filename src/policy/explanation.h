// Why the policy grants or refuses: for operators, who get no Grant by asking.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::policy {

/// What one rule had to say, in the order of the file.
struct RuleAnswer {
  std::string rule;
  bool matched = false;
  // Where it did not match: the first condition that failed, by its key in the file ("labels.site",
  // "pcrs.7", "times"), what the device has there and what the rule wants.
  std::string condition;
  std::string has;
  std::string wants;
  // Where it matched: whether it grants the audience, and is the first to do so.
  bool grants_audience = false;
  bool decides = false;
};

/// What would be in the token.
struct Granted {
  std::string rule;
  std::string audience;
  std::vector<std::string> scopes;
  std::chrono::seconds life{};
  /// What made the life no longer: "configuration", "grant", "session key", "evidence", "times".
  std::string life_limit;
  std::string key_protection;
};

struct Explanation {
  std::vector<RuleAnswer> rules;
  Result<Granted> outcome;  ///< Or the very refusal that the device would get.
};

/// {"rules": [{"rule", "matched", "condition"?, "has"?, "wants"?, "grants_audience"?, "decides"?}],
/// "granted": {"rule", "audience", "scopes", "expires_in", "life_limit", "key_protection"}}, or in
/// place of "granted" "refused": {"error", "code", "error_description"} as at the token endpoint.
[[nodiscard]] Json to_json(const Explanation& explanation);

}  // namespace mintmark::policy
