// EV_EVENT_TAG (TCG PC Client PFP §10.4.2.1): who tagged, and what it says.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace mintmark::attest::eventlog {

struct Tagged {
  std::uint32_t id = 0;
  std::string kind;  ///< "initrd", "load_options", "loader_conf", …; "tagged" where unknown.
  std::string text;  ///< For people; its octets are not what was hashed, as a rule.
};

/// Nothing where the data are no TCG_PCClientTaggedEvent.
[[nodiscard]] std::optional<Tagged> read_tagged(BytesView data);

}  // namespace mintmark::attest::eventlog
