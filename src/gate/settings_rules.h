// "services" of the gate's configuration: origins, and their rules.
#pragma once

#include "config/reader.h"
#include "gate/services.h"

namespace mintmark::gate {

/// What is wrong stays in `root`.
[[nodiscard]] Services read_services(config::ObjectReader& root);

}  // namespace mintmark::gate
