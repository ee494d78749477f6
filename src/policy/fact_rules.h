// Conditions on facts that formats share (attest/vocabulary.h). Private to this folder.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/facts.h"
#include "config/reader.h"

namespace mintmark::policy {

/// What one fact must be. A fact that a device has not never holds.
struct FactCondition {
  /// Of a text or a number's digits: any of them. Of texts: one of them stands among the fact's.
  std::vector<std::string> any;
  /// Of texts: the fact's are all among these; empty: it has none.
  std::optional<std::vector<std::string>> only;
  std::optional<bool> is;  ///< Of a boolean.
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();

  [[nodiscard]] bool holds(const attest::FactValue& value) const;
  [[nodiscard]] std::string text() const;  ///< For people: "at least 202501".
};

using FactConditions = std::map<std::string, FactCondition>;

/// The object under "facts" of a match; a name that no format tells is refused.
[[nodiscard]] FactConditions read_facts(config::ObjectReader& match);
/// For people; "nothing".
[[nodiscard]] std::string fact_text(const attest::FactValue& value);

}  // namespace mintmark::policy
