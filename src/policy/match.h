// Which requests of which devices a rule is for. Private to this folder.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "attest/standing.h"
#include "config/reader.h"
#include "policy/fact_rules.h"
#include "policy/times.h"

namespace mintmark::policy {

/// Who asks, how, and when. Refers to the device.
struct Subject {
  const attest::RecordedDevice& device;
  std::string key_protection;  ///< Of the key that the token will be bound to.
  Moment now;
};

/// The conditions of a match, in the order in which they are looked at: a rule that would match but
/// for its times fails at those.
enum class Condition : std::uint8_t {
  format,
  key_protection,
  manufacturer,
  root,
  model,
  labels,
  pcrs,
  proves,
  facts,
  times
};

/// A condition that did not hold, for people.
struct Mismatch {
  std::string condition;  ///< The key in the file: "labels.site", "pcrs.7".
  std::string has;        ///< What the device has; "nothing" where it has none.
  std::string wants;      ///< What the rule wants.
};

/// Every condition that stands must hold, a list by any of its values. At least one other than
/// `times` stands.
struct Match {
  std::vector<std::string> formats;
  /// Where none is named: every one but "none", so that keys which nothing protects get what names
  /// them and no more.
  std::vector<std::string> key_protections;
  std::vector<std::string> manufacturers;  ///< Lower case.
  std::vector<std::string> roots;          ///< Lower-case hexadecimal.
  std::vector<std::string> models;
  std::map<std::string, std::string> labels;
  std::map<unsigned, std::vector<std::string>>
      pcrs;                         ///< Of whatever bank was quoted; lower-case hexadecimal.
  std::vector<std::string> proves;  ///< All of them must be proven.
  FactConditions facts;
  Times times;

  /// The first condition that does not hold; nothing: it matches.
  [[nodiscard]] std::optional<Condition> first_failed(const Subject& subject) const;
  /// The words for it.
  [[nodiscard]] Mismatch mismatch(Condition failed, const Subject& subject) const;
};

enum class MatchOf : std::uint8_t {
  token,
  boot  ///< A rule on what was booted: without `pcrs`, `facts`, `proves` and `times`.
};

/// Reads the object under "match" of a rule.
[[nodiscard]] Match read_match(config::ObjectReader& rule, MatchOf of = MatchOf::token);

}  // namespace mintmark::policy
