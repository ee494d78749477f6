// A policy with the files that it names, read once and carried whole: what was checked is what
// decides, whatever stands in the files by then.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace mintmark::policy {

/// Gives the content of a file that a policy names, as it names it.
using ReadNamed = std::function<Result<std::string>(const std::string& name)>;

struct Bundle {
  std::string file;  ///< Of the policy, for messages.
  std::string text;
  std::map<std::string, std::string> files;  ///< As the policy names them -> content.

  bool operator==(const Bundle&) const = default;

  /// As one text, for another process.
  [[nodiscard]] std::string packed() const;
  /// `internal` if it is not what packed() makes.
  [[nodiscard]] static Result<Bundle> from(std::string_view packed);
  /// Octets that no packed bundle exceeds.
  static constexpr std::size_t longest = 40U << 20U;

  /// Reads out of the bundle alone; which must outlive it.
  [[nodiscard]] ReadNamed reader() const;
};

/// Reads the policy and what it names, relative to its directory: at most 32 files of 4 MiB, 32 MiB
/// in all. Every one is checked. `io_failed` (the policy cannot be read), `policy_invalid`,
/// `reference_invalid`, as Policy::from_text.
[[nodiscard]] Result<Bundle> read_bundle(const std::string& file);

}  // namespace mintmark::policy
