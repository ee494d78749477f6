// What the boot rules of a policy say of what a machine measured: for operators in full, for the
// device in short.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::policy {

enum class BootMode : std::uint8_t {
  monitor,  ///< Decide and record, and let pass.
  enforce,
};

/// What would have to be added for a condition to hold; a person decides whether it should.
struct Proposal {
  std::string file;  ///< As the policy names it; "": the policy itself.
  /// RFC 6901, of the list that takes `add`; "": lines at the end of a file that is no JSON.
  std::string at;
  Json add = Json::array();
};

/// What one condition of one rule found. Texts are printable and bounded.
struct Finding {
  std::string rule;
  BootMode mode = BootMode::enforce;
  std::string condition;  ///< The key in the file: "pcrs.4", "boot_applications", "baseline.7".
  bool ok = false;
  std::string has;
  std::string wants;
  // Where it did not hold, as far as it is known:
  std::optional<unsigned> pcr;
  std::optional<std::uint32_t> event;  ///< The first event that does not fit.
  std::string event_type;
  std::string last_good;            ///< What the last good boot had in that place.
  std::string likely;               ///< "boot loader update", "Secure Boot was turned off"
  std::string text;                 ///< One line for operators.
  std::vector<Proposal> proposals;  ///< Empty: adding something would not help.
};

struct Appraisal {
  std::vector<std::string> rules;  ///< Those that match the device; none: it is not appraised.
  std::vector<Finding> findings;   ///< In the order of the file.
  /// How soon the device should attest again: the shortest that a matching rule names.
  std::optional<std::chrono::seconds> attest_again;

  /// A rule in mode enforce does not hold.
  [[nodiscard]] bool refused() const;
  /// It is not refused, and would be were every matching rule in mode enforce.
  [[nodiscard]] bool would_refuse() const;
  /// "refused", "passed" or "not_appraised".
  [[nodiscard]] const char* outcome() const;
  /// One line for operators: the first finding that counts, and how many others there are.
  [[nodiscard]] std::string text() const;
  /// For the device, of an appraisal that refused: `boot_refused` with the conditions' names, and
  /// nothing of what the policy would let pass.
  [[nodiscard]] Error refusal() const;
};

/// {"outcome", "would_refuse", "text", "rules": [NAME], "attest_again_seconds"?, "findings":
/// [{"rule", "mode", "condition", "ok", "has", "wants", "pcr"?, "event"?, "event_type"?,
/// "last_good"?, "likely"?, "text"?, "proposals"?: [{"file", "at", "add"}]}]}
[[nodiscard]] Json to_json(const Appraisal& appraisal);

}  // namespace mintmark::policy
