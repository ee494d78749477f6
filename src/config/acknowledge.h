// "keys.acknowledge": the verifiers that say which keys they hold.
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace mintmark::config {

/// Reads the member "acknowledge" of `keys`, which may be left out.
[[nodiscard]] Acknowledge read_acknowledge(ObjectReader& keys);

}  // namespace mintmark::config
