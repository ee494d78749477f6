// UEFI variables as they are measured (TCG PC Client Platform Firmware Profile 1.06, §10.2.6).
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace mintmark::attest::eventlog {

inline constexpr std::string_view efi_global_variable = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
inline constexpr std::string_view image_security_database = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";

/// UEFI_VARIABLE_DATA.
struct Variable {
  std::string guid;
  std::string name;   ///< UTF-8.
  BytesView content;  ///< Of the event's data.
  /// Nothing stands behind the content.
  bool exact = false;
};

/// Nothing where the data are none.
[[nodiscard]] std::optional<Variable> read_variable(BytesView data);

}  // namespace mintmark::attest::eventlog
