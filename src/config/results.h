// "results": our verdict as an EAT.
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace mintmark::config {

/// Reads the member "results" of the document, which may be left out.
[[nodiscard]] Results read_results(ObjectReader& root);

}  // namespace mintmark::config
