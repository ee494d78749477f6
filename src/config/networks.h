// Networks by which a configuration knows its proxies.
#pragma once

#include <string>
#include <vector>

#include "base/network.h"
#include "config/reader.h"

namespace mintmark::config {

/// `texts`: as read from `key`. Each that is no address or network is refused, and so is none.
[[nodiscard]] std::vector<Network> networks_in(ObjectReader& reader, const char* key,
                                               const std::vector<std::string>& texts);

}  // namespace mintmark::config
